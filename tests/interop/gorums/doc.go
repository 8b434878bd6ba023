// Package interop holds Go programs that speak with this library; see README.md.
package interop

//go:generate go run ./generate
