module github.com/goreleaser/nfpm/v2

go 1.26.1
