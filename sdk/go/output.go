// What leaves: a value, and by default the parent's key and headers, which cross as "same as my parent's".

package sluicebox

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Encoder writes a value in a format of its own.
type Encoder interface {
	EncodeValue(to []byte) ([]byte, error)
}

// Output is one output record. Without more than a value its key and headers are its parent's (of a window's output: the window's key
// and no headers); its timestamp always is the parent's, or the window's end - 1.
type Output struct {
	value      any
	valueKind  fieldKind
	key        []byte
	keyKind    fieldKind
	noHeaders  bool
	addHeaders []byte
}

type fieldKind uint8

const (
	fieldGiven fieldKind = iota
	fieldSame
	fieldNull
)

// Out is an output of this value: anything that encoding/json writes, [Raw], or an [Encoder].
func Out(value any) Output { return Output{value: value, keyKind: fieldSame} }

// SameValue is an output of the parent's value, unread and uncopied.
func SameValue() Output { return Output{valueKind: fieldSame, keyKind: fieldSame} }

// Tombstone is an output whose value is null.
func Tombstone() Output { return Output{valueKind: fieldNull, keyKind: fieldSame} }

// Key is the same with this key. A job refuses rows whose key was changed before a keyed operator.
func (o Output) Key(key []byte) Output {
	o.key, o.keyKind = key, fieldGiven
	return o
}

// NullKey is the same with a null key.
func (o Output) NullKey() Output {
	o.key, o.keyKind = nil, fieldNull
	return o
}

// WithoutHeaders is the same without the parent's headers.
func (o Output) WithoutHeaders() Output {
	o.noHeaders = true
	return o
}

// Header is the same with one more header, after those that are there. A nil value is null.
func (o Output) Header(name string, value []byte) Output {
	o.addHeaders = AppendHeader(bytes.Clone(o.addHeaders), name, value)
	return o
}

// sink packs outputs.
type sink struct {
	out   Emitted
	json  *json.Encoder
	bytes bytes.Buffer
}

func newSink(rows int) *sink {
	s := &sink{}
	s.out.Parents = make([]uint32, 0, rows)
	s.out.Output.Index = make([]uint32, 0, rows*stride)
	s.json = json.NewEncoder(&s.bytes)
	s.json.SetEscapeHTML(false)
	return s
}

// parent is what an output refers to. A window has neither headers nor a value that could be the same.
type parent struct {
	row      uint32
	headers  []byte
	isWindow bool
}

// mark is a length to go back to: a row in error has no output.
type mark struct{ data, index, parents int }

func (s *sink) mark() mark {
	return mark{len(s.out.Output.Data), len(s.out.Output.Index), len(s.out.Parents)}
}

func (s *sink) rewind(to mark) {
	s.out.Output.Data = s.out.Output.Data[:to.data]
	s.out.Output.Index = s.out.Output.Index[:to.index]
	s.out.Parents = s.out.Parents[:to.parents]
}

// push packs a value, or an Output.
func (s *sink) push(of parent, what any) error {
	output, ok := what.(Output)
	if !ok {
		output = Out(what)
	}
	value, err := s.value(of, output)
	if err != nil {
		return err
	}
	key := [2]uint32{0, same}
	switch {
	case output.keyKind == fieldNull || output.keyKind == fieldGiven && output.key == nil:
		key[1] = null
	case output.keyKind == fieldGiven:
		key = s.field(output.key)
	}
	headers := s.headers(of, output)
	s.out.Output.Index = append(s.out.Output.Index, key[0], key[1], value[0], value[1], headers[0], headers[1])
	s.out.Parents = append(s.out.Parents, of.row)
	return nil
}

func (s *sink) field(bytes []byte) [2]uint32 {
	at := len(s.out.Output.Data)
	s.out.Output.Data = append(s.out.Output.Data, bytes...)
	return [2]uint32{uint32(at), uint32(len(bytes))}
}

func (s *sink) value(of parent, output Output) ([2]uint32, error) {
	switch {
	case output.valueKind == fieldNull:
		return [2]uint32{0, null}, nil
	case output.valueKind == fieldSame && of.isWindow:
		return [2]uint32{}, errors.New("a window has no value to keep")
	case output.valueKind == fieldSame:
		return [2]uint32{0, same}, nil
	}
	switch value := output.value.(type) {
	case nil:
		return [2]uint32{0, null}, nil
	case Raw:
		if value == nil {
			return [2]uint32{0, null}, nil
		}
		return s.field(value), nil
	case Encoder:
		at := len(s.out.Output.Data)
		data, err := value.EncodeValue(s.out.Output.Data)
		if err != nil {
			return [2]uint32{}, err
		}
		s.out.Output.Data = data
		return [2]uint32{uint32(at), uint32(len(data) - at)}, nil
	}
	s.bytes.Reset()
	if err := s.json.Encode(output.value); err != nil {
		return [2]uint32{}, err
	}
	// The encoder ends each value with a line feed.
	return s.field(s.bytes.Bytes()[:s.bytes.Len()-1]), nil
}

func (s *sink) headers(of parent, output Output) [2]uint32 {
	switch {
	case len(output.addHeaders) > 0 && output.noHeaders:
		return s.field(output.addHeaders)
	case len(output.addHeaders) > 0:
		at := s.field(of.headers)
		more := s.field(output.addHeaders)
		return [2]uint32{at[0], at[1] + more[1]}
	case output.noHeaders || of.isWindow:
		return [2]uint32{0, null}
	}
	return [2]uint32{0, same}
}
