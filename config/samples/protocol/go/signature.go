package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"
)

// Reload-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(key, "<t>.<METHOD>.<path>")>
var header = regexp.MustCompile(`^t=([0-9]{1,12}),v1=([0-9a-f]{64})$`)

func signed(next http.HandlerFunc) http.HandlerFunc {
	if len(os.Args) < 4 { // no signature is asked for
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if !accepted(r.Header.Get("Reload-Signature"), r.Method+"."+r.URL.EscapedPath(), os.Args[3]) {
			http.Error(w, "signature refused", http.StatusUnauthorized)
			return
		}
		next(w, r)
	}
}

func accepted(value, request, keyFile string) bool {
	parts := header.FindStringSubmatch(value)
	key, err := os.ReadFile(keyFile) // each time: a key that was rotated counts at once
	if parts == nil || err != nil || len(key) == 0 {
		return false
	}
	t, _ := strconv.ParseInt(parts[1], 10, 64)
	if age := time.Since(time.Unix(t, 0)).Abs(); age > 300*time.Second {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(parts[1] + "." + request))
	sent, _ := hex.DecodeString(parts[2])
	return hmac.Equal(mac.Sum(nil), sent)
}
