// An application that runs on a mounted llm.json: app FILE PORT [SIGNING_KEY_FILE]
package main

import (
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"slices"
)

type config struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
}

func parse(data []byte) (*config, error) {
	var next config
	if json.Unmarshal(data, &next) != nil {
		return nil, errors.New("is not the JSON that is expected") // others read it: it quotes no content
	}
	if !slices.Contains([]string{"anthropic", "local", "openai"}, next.Provider) {
		return nil, errors.New("provider must be anthropic, local or openai")
	}
	return &next, nil
}

func answer(w http.ResponseWriter, ok bool, otherwise int, value any) {
	w.Header().Set("Content-Type", "application/json")
	if !ok {
		w.WriteHeader(otherwise)
	}
	json.NewEncoder(w).Encode(value)
}

func main() {
	llm := watch(os.Args[1], parse)
	told := signed(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			llm.reload()
		}
		_, now := llm.get()
		answer(w, now.Error == "", http.StatusUnprocessableEntity, map[string]any{"reload": "v1", "files": []file{now}})
	})
	http.HandleFunc("GET /-/reload", told)
	http.HandleFunc("POST /-/reload", told)
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		current, _ := llm.get()
		answer(w, current != nil, http.StatusServiceUnavailable, current)
	})
	log.Fatal(http.ListenAndServe(":"+os.Args[2], nil))
}
