package local

// Codes are those of all errors.
func Codes() (codes []string) {
	for _, k := range kinds {
		codes = append(codes, k.code)
	}
	return codes
}
