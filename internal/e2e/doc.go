// Package e2e tests the three programs together, as separate processes, with
// real openssl. It holds tests only: testdata/*.txtar, one story each.
//
// The scripts' own commands are in e2e_test.go; its comments say what each does.
package e2e
