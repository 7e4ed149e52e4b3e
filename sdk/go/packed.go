// Packed batches, as wit/udf.wit lays them out.

package sluicebox

import "encoding/binary"

const (
	// null is the length of a null field.
	null = 0xffffffff
	// same is the length of a field that is the same as its parent's.
	same = 0xfffffffe
	// stride is how many numbers of the index a record has.
	stride = 6
)

// Batch is packed records. The host calls with it; tests make it with Push.
type Batch struct {
	Data       []byte
	Index      []uint32
	Timestamps []int64
}

// Len is the number of records.
func (b *Batch) Len() int { return len(b.Index) / stride }

// Push appends a record; nil fields are null. Headers are packed ([AppendHeader]).
func (b *Batch) Push(key, value, headers []byte, timestampMs int64) {
	for _, field := range [3][]byte{key, value, headers} {
		b.pushField(field)
	}
	b.Timestamps = append(b.Timestamps, timestampMs)
}

func (b *Batch) pushField(field []byte) {
	if field == nil {
		b.Index = append(b.Index, 0, null)
		return
	}
	b.Index = append(b.Index, uint32(len(b.Data)), uint32(len(field)))
	b.Data = append(b.Data, field...)
}

func (b *Batch) row(i int) row {
	index := b.Index[i*stride : (i+1)*stride]
	r := row{key: b.field(index, 0), value: b.field(index, 2), headers: b.field(index, 4)}
	if i < len(b.Timestamps) {
		r.timestampMs = b.Timestamps[i]
	}
	return r
}

func (b *Batch) field(index []uint32, at int) []byte {
	offset, length := index[at], index[at+1]
	if length == null {
		return nil
	}
	return b.Data[offset : offset+length : offset+length]
}

// row is a record as it stands in a batch. It is valid for the call.
type row struct {
	key, value, headers []byte
	timestampMs         int64
}

// Packed is byte strings; nil is null.
type Packed struct {
	Data  []byte
	Index []uint32
}

// Len is the number of items.
func (p *Packed) Len() int { return len(p.Index) / 2 }

// Get is an item; nil is null.
func (p *Packed) Get(i int) []byte {
	offset, length := p.Index[i*2], p.Index[i*2+1]
	if length == null {
		return nil
	}
	return p.Data[offset : offset+length : offset+length]
}

// Push appends an item; nil is null.
func (p *Packed) Push(item []byte) {
	if item == nil {
		p.Index = append(p.Index, 0, null)
		return
	}
	p.Index = append(p.Index, uint32(len(p.Data)), uint32(len(item)))
	p.Data = append(p.Data, item...)
}

// Failure is a row that failed.
type Failure struct {
	// Row is its number in the call's input, from 0.
	Row uint32
	// Message says why.
	Message string
}

// Kept is what a filter answers: a bit a record, least significant bit first.
type Kept struct {
	Bitmap []byte
	Errors []Failure
}

// Emitted is what a map and a finish answer: outputs, and for each the row that it comes from.
type Emitted struct {
	Output  Batch
	Parents []uint32
	Errors  []Failure
}

// Accumulated is what an accumulate and a merge answer.
type Accumulated struct {
	Accumulators Packed
	Errors       []Failure
}

// Header is a record's header; a nil value is null.
type Header struct {
	Name  string
	Value []byte
}

// AppendHeader appends a header to packed headers. A nil value is null.
func AppendHeader(packed []byte, name string, value []byte) []byte {
	packed = binary.LittleEndian.AppendUint32(packed, uint32(len(name)))
	packed = append(packed, name...)
	length := uint32(null)
	if value != nil {
		length = uint32(len(value))
	}
	packed = binary.LittleEndian.AppendUint32(packed, length)
	return append(packed, value...)
}

// Headers are packed headers in order.
func Headers(packed []byte) []Header {
	var headers []Header
	for len(packed) >= 4 {
		var name, value []byte
		name, packed = takeBytes(packed)
		if len(packed) < 4 {
			break
		}
		value, packed = takeBytes(packed)
		headers = append(headers, Header{Name: string(name), Value: value})
	}
	return headers
}

// takeBytes is a length, the bytes after it, and the rest.
func takeBytes(packed []byte) (bytes, rest []byte) {
	length := binary.LittleEndian.Uint32(packed)
	rest = packed[4:]
	if length == null {
		return nil, rest
	}
	length = min(length, uint32(len(rest)))
	return rest[:length:length], rest[length:]
}
