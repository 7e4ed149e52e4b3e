package main

import (
	"testing"

	"sluicebox/udftest"
)

func TestSaysWhetherAnOrderIsLarge(t *testing.T) {
	got, failed := udftest.Map(t, `{"large": 1000}`,
		udftest.Text(`{"user":"ann","amount":1000}`),
		udftest.Text(`{"user":"bob","amount":"?"}`),
	)
	if len(got) != 1 || got[0].Text() != `{"user":"ann","amount":1000,"large":true}` || failed[1] == "" {
		t.Errorf("got %v, failed %v", got, failed)
	}
}
