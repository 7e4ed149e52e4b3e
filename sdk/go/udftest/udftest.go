// Package udftest runs the registered UDF natively, through the packing that the host uses: plain `go test` is enough.
package udftest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"sluicebox"
)

// Input is a record to run through a UDF. A nil key or value is null.
type Input struct {
	Key, Value  []byte
	Headers     []sluicebox.Header
	TimestampMs int64
}

// Text is a record of this value and a null key.
func Text(value string) Input { return Input{Value: []byte(value)} }

// JSON is a record of this value as JSON and a null key.
func JSON(value any) Input {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("the value can't be written as JSON: %v", err))
	}
	return Input{Value: text}
}

// WithKey is the same with this key.
func (i Input) WithKey(key string) Input {
	i.Key = []byte(key)
	return i
}

// Output is a record that came out; what is the same as its parent's is filled in.
type Output struct {
	// Parent is the number of the input (or of the window) that it comes from.
	Parent     int
	Key, Value []byte
	Headers    []sluicebox.Header
}

// Text is the value as text.
func (o Output) Text() string { return string(o.Value) }

// Errors are the texts of the rows that failed, by number.
type Errors map[int]string

// Filter answers the numbers of the records that are kept. The config is JSON; "" is none.
func Filter(t testing.TB, config string, inputs ...Input) ([]int, Errors) {
	t.Helper()
	udf := start(t, config)
	if udf.Keep == nil {
		t.Fatal("the registered UDF is no filter")
	}
	kept := udf.Keep(batch(inputs))
	var rows []int
	for i := range inputs {
		if kept.Bitmap[i/8]>>(i%8)&1 == 1 {
			rows = append(rows, i)
		}
	}
	return rows, errorsOf(kept.Errors)
}

// Map answers what comes out.
func Map(t testing.TB, config string, inputs ...Input) ([]Output, Errors) {
	t.Helper()
	udf := start(t, config)
	if udf.Apply == nil {
		t.Fatal("the registered UDF is no map")
	}
	input := batch(inputs)
	emitted := udf.Apply(input)
	return outputs(&emitted, input), errorsOf(emitted.Errors)
}

// Window answers the results of one window, a group for each key in order of appearance. The test fails if they depend on how the records are split:
// accumulated one by one, or in two parts that are merged.
func Window(t testing.TB, config string, startMs, endMs int64, inputs ...Input) ([]Output, Errors) {
	t.Helper()
	udf := start(t, config)
	if udf.Accumulate == nil {
		t.Fatal("the registered UDF is no window-aggregate")
	}
	keys, groups := grouped(inputs)
	whole := udf.Accumulate(nulls(keys.Len()), groups, batch(inputs))
	stepwise := *nulls(keys.Len())
	for i := range inputs {
		stepwise = udf.Accumulate(&stepwise, groups[i:i+1], batch(inputs[i:i+1])).Accumulators
	}
	half := len(inputs) / 2
	left := udf.Accumulate(nulls(keys.Len()), groups[:half], batch(inputs[:half])).Accumulators
	right := udf.Accumulate(nulls(keys.Len()), groups[half:], batch(inputs[half:])).Accumulators
	merged := udf.Merge(&left, &right)
	windows := make([]int64, 0, keys.Len()*2)
	for range keys.Len() {
		windows = append(windows, startMs, endMs)
	}
	finish := func(accumulators *sluicebox.Packed) ([]Output, Errors) {
		emitted := udf.Finish(keys, windows, accumulators)
		return outputs(&emitted, keysAsBatch(keys)), errorsOf(emitted.Errors)
	}
	results, failed := finish(&whole.Accumulators)
	ways := map[string]*sluicebox.Packed{"record by record": &stepwise}
	if len(merged.Errors) == 0 {
		ways["merged"] = &merged.Accumulators
	}
	for way, accumulators := range ways {
		if others, _ := finish(accumulators); fmt.Sprint(others) != fmt.Sprint(results) {
			t.Errorf("%s: %s\nat once: %s", way, texts(others), texts(results))
		}
	}
	errors := errorsOf(whole.Errors)
	for window, message := range failed {
		t.Errorf("window %d has no result: %s", window, message)
	}
	return results, errors
}

// Init answers why a config is refused; nil if it is not.
func Init(config string) error {
	return sluicebox.Registered().Init(orNull(config))
}

func start(t testing.TB, config string) *sluicebox.UDF {
	t.Helper()
	udf := sluicebox.Registered()
	if udf.Init == nil {
		t.Fatal("no UDF is registered")
	}
	if err := udf.Init(orNull(config)); err != nil {
		t.Fatalf("the config is refused: %v", err)
	}
	return udf
}

func orNull(config string) string {
	if config == "" {
		return "null"
	}
	return config
}

func batch(inputs []Input) *sluicebox.Batch {
	var batch sluicebox.Batch
	for _, input := range inputs {
		var headers []byte
		for _, header := range input.Headers {
			headers = sluicebox.AppendHeader(headers, header.Name, header.Value)
		}
		batch.Push(input.Key, input.Value, headers, input.TimestampMs)
	}
	return &batch
}

func keysAsBatch(keys *sluicebox.Packed) *sluicebox.Batch {
	var batch sluicebox.Batch
	for i := range keys.Len() {
		batch.Push(keys.Get(i), nil, nil, 0)
	}
	return &batch
}

func grouped(inputs []Input) (*sluicebox.Packed, []uint32) {
	var keys sluicebox.Packed
	groups := make([]uint32, 0, len(inputs))
	for _, input := range inputs {
		number := 0
		for number < keys.Len() && !(bytes.Equal(keys.Get(number), input.Key) && (keys.Get(number) == nil) == (input.Key == nil)) {
			number++
		}
		if number == keys.Len() {
			keys.Push(input.Key)
		}
		groups = append(groups, uint32(number))
	}
	return &keys, groups
}

func nulls(count int) *sluicebox.Packed {
	var packed sluicebox.Packed
	for range count {
		packed.Push(nil)
	}
	return &packed
}

func errorsOf(failures []sluicebox.Failure) Errors {
	errors := Errors{}
	for _, failure := range failures {
		errors[int(failure.Row)] = failure.Message
	}
	return errors
}

func texts(outputs []Output) []string {
	var all []string
	for _, output := range outputs {
		all = append(all, output.Text())
	}
	return all
}

func outputs(emitted *sluicebox.Emitted, input *sluicebox.Batch) []Output {
	var all []Output
	for i, parent := range emitted.Parents {
		fields := [3][]byte{}
		for field := range fields {
			fields[field] = fieldOf(&emitted.Output, i, input, int(parent), field)
		}
		output := Output{Parent: int(parent), Key: fields[0], Value: fields[1]}
		output.Headers = sluicebox.Headers(fields[2])
		all = append(all, output)
	}
	return all
}

// fieldOf: the numbers of the contract are 0xffffffff for null and 0xfffffffe for the same as the parent's.
func fieldOf(batch *sluicebox.Batch, row int, parents *sluicebox.Batch, parent, field int) []byte {
	offset, length := batch.Index[row*6+field*2], batch.Index[row*6+field*2+1]
	switch {
	case length == 0xffffffff:
		return nil
	case length == 0xfffffffe:
		return fieldOf(parents, parent, nil, 0, field)
	}
	return batch.Data[offset : offset+length]
}
