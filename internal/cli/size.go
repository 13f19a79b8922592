package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Size is a number of bytes as a flag: 65536, 64KiB, 64K, 10MiB or 1G. Units are
// powers of 1024. It implements pflag.Value.
type Size int64

// Set implements pflag.Value.
func (s *Size) Set(text string) error {
	number := strings.TrimRight(text, "KMGTiB")
	shift, ok := map[string]int{"": 0, "B": 0, "K": 10, "KiB": 10, "M": 20, "MiB": 20, "G": 30, "GiB": 30, "T": 40, "TiB": 40}[text[len(number):]]
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !ok || n < 0 || n > math.MaxInt64>>shift {
		return fmt.Errorf("not a size such as 64MiB")
	}
	*s = Size(n << shift)
	return nil
}

// String implements pflag.Value.
func (s *Size) String() string {
	for _, unit := range []struct {
		name  string
		shift int
	}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}} {
		if n := int64(*s) >> unit.shift; n > 0 && n<<unit.shift == int64(*s) {
			return strconv.FormatInt(n, 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

// Type implements pflag.Value.
func (s *Size) Type() string { return "size" }
