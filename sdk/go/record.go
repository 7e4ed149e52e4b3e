// What a function can take.

package sluicebox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"
)

// Raw is a value as it is: bytes; nil is null (a tombstone). They are valid for the call.
type Raw []byte

// Decoder reads a value in a format of its own; nil is null. Its error becomes the row's.
type Decoder interface {
	DecodeValue(value []byte) error
}

// Record is a value with its record's key, headers and timestamp. V is as a function may take it without a record.
type Record[V any] struct {
	// Value is the value.
	Value V
	row   row
}

// NewRecord is a record of this value, for unit tests.
func NewRecord[V any](value V, key []byte, timestampMs int64) Record[V] {
	return Record[V]{Value: value, row: row{key: key, timestampMs: timestampMs}}
}

// Key is the key; nil is null. It is valid for the call.
func (r Record[V]) Key() []byte { return r.row.key }

// TimestampMs is event time in milliseconds since 1970.
func (r Record[V]) TimestampMs() int64 { return r.row.timestampMs }

// Headers are the headers in order; names may repeat.
func (r Record[V]) Headers() []Header { return Headers(r.row.headers) }

// Header is the value of the last header of this name, and whether there is one.
func (r Record[V]) Header(name string) ([]byte, bool) {
	var value []byte
	found := false
	for _, header := range r.Headers() {
		if header.Name == name {
			value, found = header.Value, true
		}
	}
	return value, found
}

func (r *Record[V]) readRow(row row) error {
	r.row = row
	return read(&r.Value, row)
}

// Window is a closed window of one key.
type Window struct {
	// Key is the key; nil is null.
	Key []byte
	// StartMs is the first millisecond since 1970 of the window, EndMs the first after it.
	StartMs, EndMs int64
}

// KeyString is the key as text, or an error (fit for a row error) if it is null or not UTF-8.
func (w Window) KeyString() (string, error) {
	switch {
	case w.Key == nil:
		return "", errors.New("the key is null")
	case !utf8.Valid(w.Key):
		return "", errors.New("the key is not UTF-8")
	}
	return string(w.Key), nil
}

type rowReader interface{ readRow(row) error }

// read fills what a function takes from a row.
func read[V any](into *V, row row) error {
	switch v := any(into).(type) {
	case *Raw:
		*v = row.value
	case rowReader:
		return v.readRow(row)
	case Decoder:
		return v.DecodeValue(row.value)
	default:
		return readJSON(into, row.value)
	}
	return nil
}

func readJSON[V any](into *V, value []byte) error {
	if value == nil {
		// encoding/json takes null for anything and changes nothing: the row would look empty instead of wrong.
		switch reflect.TypeFor[V]().Kind() {
		case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
			return nil
		}
		return errors.New("the value is null")
	}
	// encoding/json would read other characters in the place of what is none.
	if !utf8.Valid(value) {
		return errors.New("value is not the JSON expected: it is not UTF-8")
	}
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("value is not the JSON expected: %w", err)
	}
	for _, field := range requiredOf(reflect.TypeFor[V]()) {
		if reflect.ValueOf(into).Elem().Field(field.at).IsNil() {
			return fmt.Errorf("missing field `%s`", field.name)
		}
	}
	return nil
}

// required is a field with the tag `sluicebox:"required"`: a pointer, slice or map that must not be nil.
type required struct {
	at   int
	name string
}

// What was found of each type.
var requiredFields sync.Map

func requiredOf(kind reflect.Type) []required {
	if known, ok := requiredFields.Load(kind); ok {
		return known.([]required)
	}
	var found []required
	for i := range numFields(kind) {
		field := kind.Field(i)
		if field.Tag.Get("sluicebox") != "required" {
			continue
		}
		switch field.Type.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		default:
			panic(fmt.Sprintf("%v.%s is required, but of a type that can't be nil: make it a pointer", kind, field.Name))
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		found = append(found, required{i, name})
	}
	requiredFields.Store(kind, found)
	return found
}

func numFields(kind reflect.Type) int {
	if kind.Kind() != reflect.Struct {
		return 0
	}
	return kind.NumField()
}

// NoConfig is the config of a UDF that takes none.
type NoConfig struct{}

// readConfig reads an operator's config. Unknown fields are refused; null leaves the zero value.
func readConfig[C any](text string) (*C, error) {
	config := new(C)
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(config); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("config: %w", err)
	}
	if check, ok := any(config).(interface{ Check() error }); ok {
		if err := check.Check(); err != nil {
			return nil, fmt.Errorf("config: %w", err)
		}
	}
	return config, nil
}
