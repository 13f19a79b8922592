package exposition

import (
	"testing"
	"time"
)

func TestPage(t *testing.T) {
	p := &Page{}
	p.Family("none", Gauge, "left out")
	p.Value("a_total", Counter, "A \\ b\nc.", 3)
	p.Family("b", Gauge, "B.", Sample{Labels: []string{"x", "1", "y", "q\"\\\n\xff"}, Value: 0.5}, Sample{Labels: []string{"x", "2", "y", ""}, Value: 1.7e9})
	want := "# HELP a_total A \\\\ b\\nc.\n# TYPE a_total counter\na_total 3\n" +
		"# HELP b B.\n# TYPE b gauge\n" + `b{x="1",y="q\"\\\n` + "\uFFFD" + `"} 0.5` + "\n" + `b{x="2",y=""} 1.7e+09` + "\n"
	if got := p.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSeconds(t *testing.T) {
	if got := Seconds(time.UnixMilli(1_700_000_000_250)); got != 1_700_000_000.25 {
		t.Errorf("got %v", got)
	}
	if got := Seconds(time.Time{}); got != 0 {
		t.Errorf("got %v for the zero time", got)
	}
}
