// Package nfpm has the one type of nfpm that the configuration of goreleaser converts to. The
// packager itself, with git and every archive, is half a minute of compiling.
package nfpm

// An IPKAlternative is an alternative of an ipk package.
type IPKAlternative struct {
	Priority int
	Target   string
	LinkName string
}
