package main

import (
	"testing"

	"sluicebox/udftest"
)

func TestCountsAndSumsEachUser(t *testing.T) {
	order := func(amount int64) udftest.Input {
		return udftest.JSON(map[string]int64{"amount": amount}).WithKey("ann")
	}
	got, failed := udftest.Window(t, "", 0, 60_000, order(1000), order(1<<63-1), order(-1))
	if len(got) != 1 || got[0].Text() != `{"user":"ann","window_start_ms":0,"orders":2,"amount":999}` {
		t.Errorf("got %v", got)
	}
	if failed[1] != "the sum overflows" {
		t.Errorf("failed %v", failed)
	}
}
