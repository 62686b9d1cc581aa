// Command webhooks receives Orderly's webhooks: it verifies them, and takes each event once.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func main() {
	verifier, err := standardwebhooks.NewWebhook(os.Getenv("WEBHOOK_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	var seen sync.Map // a table of your database, written in the transaction that acts on the event
	http.HandleFunc("POST /orderly", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil || verifier.Verify(body, r.Header) != nil { // signature, and not older than five minutes
			http.Error(w, "not signed", http.StatusUnauthorized)
			return
		}
		if _, again := seen.LoadOrStore(r.Header.Get("webhook-id"), true); again {
			return // 200: it was taken before
		}
		var message struct {
			Type string `json:"type"`
			Data struct {
				OrderID string `json:"order_id"`
				Version int    `json:"version"`
			} `json:"data"`
		}
		if err := json.Unmarshal(body, &message); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Printf("%s v%d %s\n", message.Data.OrderID, message.Data.Version, message.Type)
	})
	server := &http.Server{Addr: os.Getenv("RECEIVER_ADDR"), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
