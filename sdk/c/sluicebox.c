/* The SDK's own code in one unit: compile this file beside the module. One unit, so that the compiler sees through it all. */
#include "sluicebox.h"

#include "src/memory.c"

#include "src/text.c"

#include "src/number.c"

#include "src/json_read.c"

#include "src/json_fields.c"

#include "src/json_write.c"

#include "src/record.c"

#include "src/output.c"

#include "src/run.c"

#include "src/aggregate.c"

#include "src/abi.c"

#ifndef __wasm__
#include "src/testing.c"

#include "src/testing_window.c"
#endif
