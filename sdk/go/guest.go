//go:build wasip1

// The component's exports, in the canonical ABI by hand (it is small, and no generator has to be had): parameters come flattened, lists as
// address and length; a result that does not fit into one number is the address of its fields. The host allocates through
// cabi_realloc; what it was given stays reachable until it says that it has read it.

package sluicebox

import (
	"runtime"
	"unsafe"
)

// lent is memory that only the host refers to: allocated for its arguments, or holding a result that it has not read yet.
var lent = map[uint32]any{}

// result is where results are read from: the largest has 11 fields.
var result [12]uint32

//go:wasmexport cabi_realloc
func cabiRealloc(old, oldSize, align, size uint32) uint32 {
	if size == 0 {
		return align
	}
	// Words of 8 bytes are aligned for everything that crosses.
	memory := make([]uint64, (size+7)/8)
	at := address(unsafe.Pointer(unsafe.SliceData(memory)))
	if oldSize > 0 {
		copy(bytesAt(at, size), bytesAt(old, min(oldSize, size)))
		delete(lent, old)
	}
	lent[at] = memory
	return at
}

func address(pointer unsafe.Pointer) uint32 { return uint32(uintptr(pointer)) }

func pointer(at uint32) unsafe.Pointer { return unsafe.Pointer(uintptr(at)) }

func bytesAt(at, length uint32) []byte { return unsafe.Slice((*byte)(pointer(at)), length) }

// take is a list that the host has passed; it is ours from here on.
func take[T any](at, length uint32) []T {
	if length == 0 {
		return nil
	}
	list := unsafe.Slice((*T)(pointer(at)), length)
	delete(lent, at)
	return list
}

// give puts address and length of a list into the result.
func give[T any](field int, list []T) {
	result[field] = 0
	result[field+1] = uint32(len(list))
	if len(list) > 0 {
		at := address(unsafe.Pointer(unsafe.SliceData(list)))
		lent[at] = list
		result[field] = at
	}
}

// giveErrors puts a list of row errors into the result: each is a row, and the address and length of its message.
func giveErrors(field int, errors []Failure) {
	rows := make([][3]uint32, len(errors))
	for i, failed := range errors {
		message := []byte(failed.Message)
		rows[i] = [3]uint32{failed.Row, address(unsafe.Pointer(unsafe.SliceData(message))), uint32(len(message))}
		if len(message) > 0 {
			lent[rows[i][1]] = message
		}
	}
	give(field, rows)
}

func giveEmitted(emitted Emitted) uint32 {
	give(0, emitted.Output.Data)
	give(2, emitted.Output.Index)
	give(4, emitted.Output.Timestamps)
	give(6, emitted.Parents)
	giveErrors(8, emitted.Errors)
	return resultAddress()
}

func giveAccumulated(accumulated Accumulated) uint32 {
	give(0, accumulated.Accumulators.Data)
	give(2, accumulated.Accumulators.Index)
	giveErrors(4, accumulated.Errors)
	return resultAddress()
}

func resultAddress() uint32 { return address(unsafe.Pointer(&result)) }

// read: the host has copied the result.
func hostHasRead() { clear(lent) }

//go:wasmexport sluicebox:udf/lifecycle@0.1.0#init
func exportInit(config, length uint32) uint32 {
	text := string(take[byte](config, length))
	clear(result[:])
	if registered.Init == nil {
		return refuse("the module registers no UDF: call sluicebox.Filter, Map, FlatMap or WindowAggregate in init")
	}
	if err := guarded(func() error { return registered.Init(text) }); err != nil {
		return refuse(err.Error())
	}
	return resultAddress()
}

func refuse(message string) uint32 {
	result[0] = 1
	give(1, []byte(message))
	return resultAddress()
}

//go:wasmexport cabi_post_sluicebox:udf/lifecycle@0.1.0#init
func postInit(uint32) { hostHasRead() }

func takeBatch(data, dataLength, index, indexLength, timestamps, timestampsLength uint32) *Batch {
	return &Batch{
		Data:       take[byte](data, dataLength),
		Index:      take[uint32](index, indexLength),
		Timestamps: take[int64](timestamps, timestampsLength),
	}
}

func takePacked(data, dataLength, index, indexLength uint32) *Packed {
	return &Packed{Data: take[byte](data, dataLength), Index: take[uint32](index, indexLength)}
}

//go:wasmexport sluicebox:udf/filter@0.1.0#keep
func exportKeep(data, dataLength, index, indexLength, timestamps, timestampsLength uint32) uint32 {
	kept := registered.Keep(takeBatch(data, dataLength, index, indexLength, timestamps, timestampsLength))
	give(0, kept.Bitmap)
	giveErrors(2, kept.Errors)
	return resultAddress()
}

//go:wasmexport cabi_post_sluicebox:udf/filter@0.1.0#keep
func postKeep(uint32) { hostHasRead() }

//go:wasmexport sluicebox:udf/mapper@0.1.0#apply
func exportApply(data, dataLength, index, indexLength, timestamps, timestampsLength uint32) uint32 {
	return giveEmitted(registered.Apply(takeBatch(data, dataLength, index, indexLength, timestamps, timestampsLength)))
}

//go:wasmexport cabi_post_sluicebox:udf/mapper@0.1.0#apply
func postApply(uint32) { hostHasRead() }

//go:wasmexport sluicebox:udf/window-aggregate@0.1.0#accumulate
func exportAccumulate(accumulators, accumulatorsLength, at, atLength, groups, groupsLength,
	data, dataLength, index, indexLength, timestamps, timestampsLength uint32) uint32 {
	return giveAccumulated(registered.Accumulate(
		takePacked(accumulators, accumulatorsLength, at, atLength),
		take[uint32](groups, groupsLength),
		takeBatch(data, dataLength, index, indexLength, timestamps, timestampsLength)))
}

//go:wasmexport cabi_post_sluicebox:udf/window-aggregate@0.1.0#accumulate
func postAccumulate(uint32) { hostHasRead() }

//go:wasmexport sluicebox:udf/window-aggregate@0.1.0#merge
func exportMerge(left, leftLength, leftAt, leftAtLength, right, rightLength, rightAt, rightAtLength uint32) uint32 {
	return giveAccumulated(registered.Merge(
		takePacked(left, leftLength, leftAt, leftAtLength),
		takePacked(right, rightLength, rightAt, rightAtLength)))
}

//go:wasmexport cabi_post_sluicebox:udf/window-aggregate@0.1.0#merge
func postMerge(uint32) { hostHasRead() }

//go:wasmexport sluicebox:udf/window-aggregate@0.1.0#finish
func exportFinish(keys, keysLength, keysAt, keysAtLength, windows, windowsLength,
	accumulators, accumulatorsLength, at, atLength uint32) uint32 {
	return giveEmitted(registered.Finish(
		takePacked(keys, keysLength, keysAt, keysAtLength),
		take[int64](windows, windowsLength),
		takePacked(accumulators, accumulatorsLength, at, atLength)))
}

//go:wasmexport cabi_post_sluicebox:udf/window-aggregate@0.1.0#finish
func postFinish(uint32) { hostHasRead() }

//go:wasmimport sluicebox:udf/log@0.1.0 log
func hostLog(level, message, length uint32)

func writeLog(level int, message string) {
	bytes := []byte(message)
	hostLog(uint32(level), address(unsafe.Pointer(unsafe.SliceData(bytes))), uint32(len(bytes)))
	runtime.KeepAlive(bytes)
}
