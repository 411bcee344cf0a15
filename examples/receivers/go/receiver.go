// A receiver of jettimer's webhooks, with Go's standard library alone.
//
//	WEBHOOK_SECRETS=whsec_… go run . 9000
//
// verify is what to copy: it takes the body as it came, byte for byte, before anybody has parsed it. The library
// github.com/standard-webhooks/standard-webhooks/libraries/go does the same. While a secret is rotated, WEBHOOK_SECRETS
// has both, separated by a space.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// How old a webhook may be, or how far this clock behind.
	tolerance = 5 * time.Minute
	// In bytes; more is not read.
	maxBody = 1 << 20
	// How many ids are remembered.
	maxDone = 100_000
)

// verify gives the id of a webhook that one of the secrets has signed lately.
func verify(secrets [][]byte, header http.Header, body []byte) (string, error) {
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil {
		return "", errors.New("no webhook-id, or no webhook-timestamp")
	}
	// The timestamp is signed too, so that who has overheard a webhook cannot send it again next week.
	if age := time.Since(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return "", errors.New("too old, or from the future")
	}
	fits := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		fmt.Fprintf(mac, "%s.%s.", id, timestamp)
		mac.Write(body)
		wanted := mac.Sum(nil)
		// One for each secret of the sender, such as `v1,<base64> v1a,<base64>`; this example knows v1.
		for _, signature := range strings.Fields(header.Get("webhook-signature")) {
			version, text, _ := strings.Cut(signature, ",")
			given, err := base64.StdEncoding.DecodeString(text)
			// hmac.Equal takes as long for a wrong first byte as for a wrong last one.
			if version == "v1" && err == nil && hmac.Equal(given, wanted) {
				fits = true
			}
		}
	}
	if !fits {
		return "", errors.New("no signature that fits")
	}
	return id, nil
}

// done is what was handled before. In a real service: a row with the id as its key, in the transaction of the work itself.
type done struct {
	sync.Mutex
	ids   map[string]bool
	order []string
}

// once does the work for an id once, and says whether this was the first time. The lock is held during the work, so that
// the same webhook that comes again meanwhile waits and then finds it done.
func (d *done) once(id string, work func() error) (bool, error) {
	d.Lock()
	defer d.Unlock()
	if d.ids[id] {
		return false, nil
	}
	if err := work(); err != nil {
		return true, err // answered with 500, and jettimer may try again
	}
	d.ids[id] = true
	d.order = append(d.order, id)
	if len(d.order) > maxDone {
		delete(d.ids, d.order[0])
		d.order = d.order[1:]
	}
	return true, nil
}

func handle(id string, body []byte) error {
	var payload any
	if err := json.Unmarshal(body, &payload); err != nil {
		return err
	}
	fmt.Println("handled:", id, string(body))
	return nil
}

func main() {
	var secrets [][]byte
	for _, text := range strings.Fields(os.Getenv("WEBHOOK_SECRETS")) {
		secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
		if err != nil {
			log.Fatal("WEBHOOK_SECRETS: ", err)
		}
		secrets = append(secrets, secret)
	}
	done := &done{ids: map[string]bool{}}
	receive := func(response http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, maxBody))
		if err != nil {
			response.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		id, err := verify(secrets, request.Header, body)
		if err != nil {
			fmt.Println("refused:", err)
			response.WriteHeader(http.StatusUnauthorized)
			return
		}
		first, err := done.once(id, func() error { return handle(id, body) })
		if err != nil {
			log.Println("failed:", err)
			response.WriteHeader(http.StatusInternalServerError)
			return
		}
		if !first {
			fmt.Println("again:", id)
		}
		// 2xx both times: the second is no failure, and jettimer is to stop.
		response.WriteHeader(http.StatusNoContent)
	}
	if len(os.Args) != 2 {
		log.Fatal("usage: receiver PORT")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	server := &http.Server{Handler: http.HandlerFunc(receive), ReadTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}
