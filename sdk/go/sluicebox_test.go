// The packing and its rules, through registered UDFs.

package sluicebox_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"sluicebox"
	"sluicebox/udftest"
)

type order struct {
	User   string `json:"user"`
	Amount int64  `json:"amount"`
}

type config struct {
	Minimum int64 `json:"minimum"`
}

func (c *config) Check() error {
	if c.Minimum < 0 {
		return errors.New("minimum is below 0")
	}
	return nil
}

// only registers a UDF for one test.
func only(t *testing.T, register func()) {
	t.Helper()
	*sluicebox.Registered() = sluicebox.UDF{}
	register()
}

func TestFilterKeepsAndTellsErrorsAndPanics(t *testing.T) {
	only(t, func() {
		sluicebox.Filter(func(o order, c *config) (bool, error) {
			switch o.Amount {
			case 13:
				return true, errors.New("thirteen")
			case 14:
				panic("fourteen")
			}
			return o.Amount >= c.Minimum, nil
		})
	})
	inputs := []udftest.Input{}
	for _, amount := range []int64{5, 10, 13, 14, 11, 12, 1, 2, 3, 99} {
		inputs = append(inputs, udftest.JSON(order{"ünï", amount}))
	}
	inputs = append(inputs, udftest.Text("no JSON"), udftest.Input{})
	kept, failed := udftest.Filter(t, `{"minimum": 10}`, inputs...)
	if want := []int{1, 4, 5, 9}; !reflect.DeepEqual(kept, want) {
		t.Errorf("kept %v, want %v", kept, want)
	}
	want := map[int]string{2: "thirteen", 3: "panic: fourteen", 10: "not the JSON expected", 11: "the value is null"}
	if len(failed) != len(want) {
		t.Errorf("failed: %v", failed)
	}
	for row, text := range want {
		if !strings.Contains(failed[row], text) {
			t.Errorf("row %d: %q", row, failed[row])
		}
	}
	if kept, failed := udftest.Filter(t, ""); kept != nil || len(failed) != 0 {
		t.Errorf("an empty batch gives %v, %v", kept, failed)
	}
}

func TestConfigsAreRefused(t *testing.T) {
	only(t, func() { sluicebox.Filter(func(sluicebox.Raw, *config) (bool, error) { return true, nil }) })
	for text, part := range map[string]string{
		`{"minimun": 1}`:   "minimun",
		`{"minimum": "x"}`: "minimum",
		`{"minimum": -1}`:  "below 0",
	} {
		if err := udftest.Init(text); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestMapsGiveNoneOneOrMany(t *testing.T) {
	only(t, func() {
		sluicebox.FlatMap(func(r sluicebox.Record[sluicebox.Raw], _ *sluicebox.NoConfig, emit func(any) error) error {
			switch string(r.Value) {
			case "none":
				return nil
			case "half":
				if err := emit(sluicebox.Raw("lost")); err != nil {
					return err
				}
				return errors.New("half way")
			case "headers":
				value, _ := r.Header("a")
				return emit(sluicebox.Out(sluicebox.Raw(value)).Header("b", nil).Key([]byte("k")))
			case "bare":
				return emit(sluicebox.SameValue().NullKey().WithoutHeaders())
			case "gone":
				return emit(sluicebox.Tombstone())
			}
			if err := emit(sluicebox.SameValue()); err != nil {
				return err
			}
			return emit(map[string]any{"<&>": "ü", "at": r.TimestampMs()})
		})
	})
	headers := []sluicebox.Header{{Name: "a", Value: []byte("1")}, {Name: "a", Value: []byte("2")}, {Name: "null"}}
	var inputs []udftest.Input
	for _, text := range []string{"none", "half", "headers", "bare", "gone", "two"} {
		inputs = append(inputs, udftest.Input{Key: []byte("own"), Value: []byte(text), Headers: headers, TimestampMs: 7})
	}
	got, failed := udftest.Map(t, "", inputs...)
	if !reflect.DeepEqual(failed, udftest.Errors{1: "half way"}) {
		t.Errorf("failed: %v", failed)
	}
	own := []byte("own")
	want := []udftest.Output{
		{Parent: 2, Key: []byte("k"), Value: []byte("2"), Headers: append(append([]sluicebox.Header{}, headers...), sluicebox.Header{Name: "b"})},
		{Parent: 3, Value: []byte("bare")},
		{Parent: 4, Key: own, Headers: headers},
		{Parent: 5, Key: own, Value: []byte("two"), Headers: headers},
		{Parent: 5, Key: own, Value: []byte(`{"<&>":"ü","at":7}`), Headers: headers},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

type total struct{ Orders, Amount int64 }

func TestAggregatesFoldMergeAndFinish(t *testing.T) {
	only(t, func() {
		sluicebox.WindowAggregate(sluicebox.Aggregate[order, total, sluicebox.Output, sluicebox.NoConfig]{
			Accumulate: func(sum *total, o order, _ *sluicebox.NoConfig) error {
				sum.Orders++
				sum.Amount += o.Amount
				if o.Amount < 0 {
					return errors.New("negative")
				}
				return nil
			},
			Merge: func(sum *total, later total, _ *sluicebox.NoConfig) error {
				sum.Orders += later.Orders
				sum.Amount += later.Amount
				return nil
			},
			Finish: func(sum total, window sluicebox.Window, _ *sluicebox.NoConfig) (sluicebox.Output, error) {
				key, err := window.KeyString()
				return sluicebox.Out([]any{key, window.StartMs, sum.Orders, sum.Amount}), err
			},
		})
	})
	of := func(user string, amount int64) udftest.Input {
		return udftest.JSON(order{user, amount}).WithKey(user)
	}
	got, failed := udftest.Window(t, "", 60000, 120000, of("ann", 5), of("bob", 7), of("ann", -100), of("ann", 6))
	if len(got) != 2 || got[0].Text() != `["ann",60000,2,11]` || got[1].Text() != `["bob",60000,1,7]` || string(got[1].Key) != "bob" {
		t.Errorf("got %q", got)
	}
	if !reflect.DeepEqual(failed, udftest.Errors{2: "negative"}) {
		t.Errorf("failed: %v", failed)
	}
}

// A group of which every row failed stays new, and what a failed row changed behind pointers is undone.
func TestFailedRowsLeaveNoTrace(t *testing.T) {
	only(t, func() {
		sluicebox.WindowAggregate(sluicebox.Aggregate[order, map[string]int64, any, sluicebox.NoConfig]{
			Create: func(*sluicebox.NoConfig) map[string]int64 { return map[string]int64{} },
			Accumulate: func(sums *map[string]int64, o order, _ *sluicebox.NoConfig) error {
				(*sums)[o.User] += o.Amount
				if o.Amount < 0 {
					panic("negative")
				}
				return nil
			},
			Merge: func(sums *map[string]int64, later map[string]int64, _ *sluicebox.NoConfig) error {
				for user, sum := range later {
					(*sums)[user] += sum
				}
				return nil
			},
			Finish: func(sums map[string]int64, _ sluicebox.Window, _ *sluicebox.NoConfig) (any, error) {
				return sums, nil
			},
		})
	})
	of := func(user string, amount int64) udftest.Input { return udftest.JSON(order{user, amount}).WithKey("k") }
	got, _ := udftest.Window(t, "", 0, 1, of("a", 1), of("a", -5), of("b", 2), of("b", -1), of("a", 3))
	if len(got) != 1 || got[0].Text() != `{"a":4,"b":2}` {
		t.Errorf("got %q", got)
	}
	var input sluicebox.Batch
	input.Push(nil, []byte(`{"amount":-1}`), nil, 0)
	var fresh sluicebox.Packed
	fresh.Push(nil)
	done := sluicebox.Registered().Accumulate(&fresh, []uint32{0}, &input)
	if done.Accumulators.Get(0) != nil || len(done.Errors) != 1 {
		t.Errorf("a group that all rows failed in is not new: %v", done)
	}
}
