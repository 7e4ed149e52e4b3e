// Filters and maps: registered once, run on packed batches.

package sluicebox

import "fmt"

// UDF is what is registered, in packed form. The host's calls and package udftest use it; a module has no need to.
type UDF struct {
	// Init takes the operator's config as JSON text.
	Init func(config string) error
	// Keep, Apply and the others are those of the contract; nil where the UDF is of another kind.
	Keep       func(input *Batch) Kept
	Apply      func(input *Batch) Emitted
	Accumulate func(accumulators *Packed, groups []uint32, input *Batch) Accumulated
	Merge      func(left, right *Packed) Accumulated
	Finish     func(keys *Packed, windows []int64, accumulators *Packed) Emitted
}

var registered UDF

// Registered is what init has registered.
func Registered() *UDF { return &registered }

func register(udf UDF) {
	if registered.Init != nil {
		panic("a module holds one UDF: Filter, Map, FlatMap or WindowAggregate was called before")
	}
	registered = udf
}

// configured keeps the config between init and calls.
type configured[C any] struct{ config *C }

func (c *configured[C]) init(text string) error {
	config, err := readConfig[C](text)
	c.config = config
	return err
}

// guarded makes an error of a panic.
func guarded(call func() error) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	return call()
}

func failure(row int, err error) Failure { return Failure{Row: uint32(row), Message: err.Error()} }

// Filter registers a function that says whether to keep a record. V is a type that encoding/json reads, [Raw], one with a [Decoder], or a
// [Record] of one of them; C is the config.
func Filter[V, C any](keep func(V, *C) (bool, error)) {
	var c configured[C]
	register(UDF{Init: c.init, Keep: func(input *Batch) Kept {
		kept := Kept{Bitmap: make([]byte, (input.Len()+7)/8)}
		for i := range input.Len() {
			err := guarded(func() error {
				var value V
				if err := read(&value, input.row(i)); err != nil {
					return err
				}
				keeps, err := keep(value, c.config)
				if keeps && err == nil {
					kept.Bitmap[i/8] |= 1 << (i % 8)
				}
				return err
			})
			if err != nil {
				kept.Errors = append(kept.Errors, failure(i, err))
			}
		}
		return kept
	}})
}

// Map registers a function that makes one record of each. O is an [Output] or a value of one.
func Map[V, O, C any](apply func(V, *C) (O, error)) {
	FlatMap(func(value V, config *C, emit func(any) error) error {
		output, err := apply(value, config)
		if err != nil {
			return err
		}
		return emit(output)
	})
}

// FlatMap registers a function that makes none, one or many records of each: it calls emit with each, an [Output] or a value of one. An
// error of emit (a value that can't be encoded) is to be returned.
func FlatMap[V, C any](apply func(value V, config *C, emit func(any) error) error) {
	var c configured[C]
	register(UDF{Init: c.init, Apply: func(input *Batch) Emitted {
		sink := newSink(input.Len())
		var of parent
		emit := func(output any) error { return sink.push(of, output) }
		for i := range input.Len() {
			before := sink.mark()
			err := guarded(func() error {
				row := input.row(i)
				of = parent{row: uint32(i), headers: row.headers}
				var value V
				if err := read(&value, row); err != nil {
					return err
				}
				return apply(value, c.config, emit)
			})
			if err != nil {
				sink.rewind(before)
				sink.out.Errors = append(sink.out.Errors, failure(i, err))
			}
		}
		return sink.out
	}})
}
