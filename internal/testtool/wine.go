package testtool

import "testing"

// SkipUnderWine skips the test under Wine, which lacks what it wants or does it in
// another way than Windows: reason says what. Elsewhere it does nothing. Its line
// "wine-skip: TEST: REASON" is counted by scripts/wine/test.
func SkipUnderWine(t testing.TB, reason string) {
	t.Helper()
	if UnderWine() {
		t.Skipf("wine-skip: %s: %s", t.Name(), reason)
	}
}
