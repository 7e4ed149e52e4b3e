// Window-aggregates: accumulators belong to the host, as bytes.

package sluicebox

import (
	"encoding"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// Aggregate folds the records of each key and window into an accumulator A, and makes results O of it.
//
// The bytes of an accumulator are, of a struct of numbers of fixed size (int64, float64, bool, arrays of them; not int or string): these, little endian; of a type
// that is an [encoding.BinaryMarshaler] and BinaryUnmarshaler: what that says; else JSON.
type Aggregate[V, A, O, C any] struct {
	// Create makes a new accumulator; nil: the zero value.
	Create func(config *C) A
	// Accumulate folds a record. If it fails the accumulator stays as it was.
	Accumulate func(accumulator *A, value V, config *C) error
	// Merge folds another accumulator, of later records.
	Merge func(accumulator *A, later A, config *C) error
	// Finish makes the result of a closed window: a value, or an [Output].
	Finish func(accumulator A, window Window, config *C) (O, error)
}

// WindowAggregate registers an aggregate. V is as in [Filter].
func WindowAggregate[V, A, O, C any](aggregate Aggregate[V, A, O, C]) {
	var c configured[C]
	run := &aggregation[V, A, O, C]{of: aggregate, c: &c, isFixed: isFixed[A]()}
	register(UDF{Init: c.init, Accumulate: run.accumulate, Merge: run.merge, Finish: run.finish})
}

type aggregation[V, A, O, C any] struct {
	of      Aggregate[V, A, O, C]
	c       *configured[C]
	isFixed bool
}

// isFixed: a copy of the struct is a copy of all of it, and its bytes have one length.
func isFixed[A any]() bool {
	var zero A
	_, marshals := any(&zero).(encoding.BinaryMarshaler)
	return !marshals && binary.Size(zero) >= 0
}

func (g *aggregation[V, A, O, C]) create() A {
	if g.of.Create != nil {
		return g.of.Create(g.c.config)
	}
	var zero A
	return zero
}

func (g *aggregation[V, A, O, C]) decode(bytes []byte) (A, error) {
	if bytes == nil {
		return g.create(), nil
	}
	var accumulator A
	var err error
	if g.isFixed {
		var read int
		read, err = binary.Decode(bytes, binary.LittleEndian, &accumulator)
		if err == nil && read != len(bytes) {
			err = errors.New("its length is another")
		}
	} else if binary, ok := any(&accumulator).(encoding.BinaryUnmarshaler); ok {
		err = binary.UnmarshalBinary(bytes)
	} else {
		err = json.Unmarshal(bytes, &accumulator)
	}
	if err != nil {
		// Bytes that this module has not written: no row is to blame.
		panic(fmt.Sprintf("an accumulator can't be read: %v", err))
	}
	return accumulator, nil
}

func (g *aggregation[V, A, O, C]) encode(accumulator *A, to []byte) ([]byte, error) {
	if g.isFixed {
		return binary.Append(to, binary.LittleEndian, *accumulator)
	}
	var bytes []byte
	var err error
	if binary, ok := any(accumulator).(encoding.BinaryMarshaler); ok {
		bytes, err = binary.MarshalBinary()
	} else {
		bytes, err = json.Marshal(accumulator)
	}
	return append(to, bytes...), err
}

func (g *aggregation[V, A, O, C]) mustEncode(accumulator *A, to []byte) []byte {
	to, err := g.encode(accumulator, to)
	if err != nil {
		panic(fmt.Sprintf("an accumulator can't be written: %v", err))
	}
	return to
}

// folding is an accumulator during a call; touched once a row went into it.
type folding[A any] struct {
	accumulator A
	touched     bool
	// What it was, as bytes, before row `from`: a row that fails may have changed what the accumulator points to.
	whole []byte
	from  int
}

func (g *aggregation[V, A, O, C]) accumulate(accumulators *Packed, groups []uint32, input *Batch) Accumulated {
	var done Accumulated
	all := make([]folding[A], accumulators.Len())
	for i := range all {
		all[i].whole = accumulators.Get(i)
		all[i].accumulator, _ = g.decode(all[i].whole)
	}
	for i := range input.Len() {
		group := &all[groups[i]]
		value, err := g.value(input, i)
		if err == nil {
			before := group.accumulator
			err = guarded(func() error { return g.of.Accumulate(&group.accumulator, value, g.c.config) })
			if err == nil {
				group.touched = true
				continue
			}
			if g.isFixed {
				group.accumulator = before
			} else {
				g.restore(group, groups, input, i)
			}
		}
		done.Errors = append(done.Errors, failure(i, err))
	}
	for i := range all {
		g.push(&done.Accumulators, &all[i], accumulators.Get(i))
	}
	return done
}

// value reads the value of a row; what a decoder panics with is the row's error, too.
func (g *aggregation[V, A, O, C]) value(input *Batch, row int) (V, error) {
	var value V
	err := guarded(func() error { return read(&value, input.row(row)) })
	return value, err
}

// restore makes an accumulator what it was before row `to` failed: it folds the rows since it was last kept again, and keeps it, so that no row
// is folded more than twice.
func (g *aggregation[V, A, O, C]) restore(group *folding[A], groups []uint32, input *Batch, to int) {
	group.accumulator, _ = g.decode(group.whole)
	for i := group.from; i < to; i++ {
		if groups[i] != groups[to] {
			continue
		}
		if value, err := g.value(input, i); err == nil {
			// It worked before.
			_ = g.of.Accumulate(&group.accumulator, value, g.c.config)
		}
	}
	if group.touched {
		group.whole = g.mustEncode(&group.accumulator, nil)
	}
	group.from = to + 1
}

// push packs an accumulator; one that no row went into stays as it came.
func (g *aggregation[V, A, O, C]) push(to *Packed, from *folding[A], before []byte) {
	if !from.touched {
		to.Push(before)
		return
	}
	at := len(to.Data)
	to.Data = g.mustEncode(&from.accumulator, to.Data)
	to.Index = append(to.Index, uint32(at), uint32(len(to.Data)-at))
}

func (g *aggregation[V, A, O, C]) merge(left, right *Packed) Accumulated {
	var done Accumulated
	for i := range left.Len() {
		if left.Get(i) == nil || right.Get(i) == nil {
			// One of them is new: the other is the result.
			kept := left.Get(i)
			if kept == nil {
				kept = right.Get(i)
			}
			done.Accumulators.Push(kept)
			continue
		}
		merged := folding[A]{touched: true}
		err := guarded(func() error {
			merged.accumulator, _ = g.decode(left.Get(i))
			later, _ := g.decode(right.Get(i))
			return g.of.Merge(&merged.accumulator, later, g.c.config)
		})
		if err != nil {
			merged.touched = false
			done.Errors = append(done.Errors, failure(i, err))
		}
		g.push(&done.Accumulators, &merged, left.Get(i))
	}
	return done
}

func (g *aggregation[V, A, O, C]) finish(keys *Packed, windows []int64, accumulators *Packed) Emitted {
	sink := newSink(keys.Len())
	for i := range keys.Len() {
		before := sink.mark()
		err := guarded(func() error {
			accumulator, _ := g.decode(accumulators.Get(i))
			window := Window{Key: keys.Get(i), StartMs: windows[i*2], EndMs: windows[i*2+1]}
			output, err := g.of.Finish(accumulator, window, g.c.config)
			if err != nil {
				return err
			}
			return sink.push(parent{row: uint32(i), isWindow: true}, output)
		})
		if err != nil {
			sink.rewind(before)
			sink.out.Errors = append(sink.out.Errors, failure(i, err))
		}
	}
	return sink.out
}
