// What the C++ library would end with a message to a file, in Wasm: a line in the log and a trap. Compile this file beside a C++
// module; without it the library brings files along.
#include "sluicebox.h"

#ifdef __wasm__
#include <cstdlib>
#include <new>
#include <version>

void std::__libcpp_verbose_abort(const char *format, ...) noexcept {
    sb_trap("%s", format);
}

static void *allocated(std::size_t size) {
    void *memory = std::malloc(size ? size : 1);
    if (!memory) sb_trap("out of memory");
    return memory;
}

void *operator new(std::size_t size) { return allocated(size); }
void *operator new[](std::size_t size) { return allocated(size); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete[](void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void *memory, std::size_t) noexcept { std::free(memory); }
#endif
