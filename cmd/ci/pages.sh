#!/bin/sh
# Writes the manual pages and the completions of four shells into a folder.
# Usage: sh cmd/ci/pages.sh DIR; HARNESS is the command, else it is run from source.
set -e
folder=${1:?usage: pages.sh DIR}
harness=${HARNESS:-go run ./cmd/harness}
mkdir -p "$folder/completions"
$harness man "$folder/man1"
$harness completion bash >"$folder/completions/harness.bash"
$harness completion zsh >"$folder/completions/_harness"
$harness completion fish >"$folder/completions/harness.fish"
$harness completion powershell >"$folder/completions/harness.ps1"
