//go:build tools

// Package tools names the controller of Argo Rollouts, so that `go mod tidy` keeps its dependencies.
package tools

import _ "github.com/argoproj/argo-rollouts/cmd/rollouts-controller"
