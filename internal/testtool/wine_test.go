package testtool_test

import (
	"runtime"
	"testing"

	"poolcert/internal/testtool"
)

func TestSkipUnderWine(t *testing.T) {
	var skipped bool
	t.Run("skip", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		testtool.SkipUnderWine(t, "to be counted: this is the test of skips")
	})
	if skipped != testtool.UnderWine() {
		t.Errorf("skipped: %v, under Wine: %v", skipped, testtool.UnderWine())
	}
	if runtime.GOOS != "windows" && testtool.UnderWine() {
		t.Error("Wine is seen where there is no Windows")
	}
}
