//go:build tools

// Package tools names the command that tests of policies in Rego run, so that `go mod tidy` keeps its
// dependencies.
package tools

import _ "github.com/open-policy-agent/opa"
