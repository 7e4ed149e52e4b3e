package main

import (
	"testing"

	"sluicebox/udftest"
)

func TestKeepsLargeOrders(t *testing.T) {
	kept, failed := udftest.Filter(t, `{"minimum": 1000}`,
		udftest.Text(`{"user":"ann","amount":1000}`),
		udftest.Text(`{"user":"bob","amount":999}`),
		udftest.Text(`{"user":"bob","amount":"?"}`),
	)
	if len(kept) != 1 || kept[0] != 0 || failed[2] == "" {
		t.Errorf("kept %v, failed %v", kept, failed)
	}
}
