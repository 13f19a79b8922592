package db

// checkPlace relies on the rights that the folder was made with.
func checkPlace(string) error { return nil }
