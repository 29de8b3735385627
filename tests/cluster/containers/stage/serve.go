package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// serve opens the ports, and answers on them in the background.
func serve(part part) error {
	web, err := net.Listen("tcp", fmt.Sprintf(":%d", part.listen))
	if err != nil {
		return fmt.Errorf("cannot serve HTTP: %w", err)
	}
	go func() { fail(http.Serve(web, handler(part))) }()
	if part.tcpListen == 0 {
		return nil
	}
	plain, err := net.Listen("tcp", fmt.Sprintf(":%d", part.tcpListen))
	if err != nil {
		return fmt.Errorf("cannot serve TCP: %w", err)
	}
	go acceptSilently(plain)
	return nil
}

func handler(part part) http.Handler {
	started := time.Now()
	starting := func() bool { return time.Since(started) < part.slowStart }
	host, _ := os.Hostname()

	routes := http.NewServeMux()
	routes.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case part.unhealthy:
			http.Error(w, "unhealthy", http.StatusInternalServerError)
		case starting():
			http.Error(w, "starting", http.StatusServiceUnavailable)
		default:
			fmt.Fprintln(w, "ok")
		}
	})
	routes.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if part.notReady || starting() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	routes.HandleFunc("/work", func(w http.ResponseWriter, r *http.Request) {
		micros, _ := strconv.Atoi(r.URL.Query().Get("micros"))
		work(time.Duration(micros) * time.Microsecond)
		fmt.Fprintln(w, host)
	})
	routes.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, host)
	})
	return routes
}

func acceptSilently(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail(err)
		}
		connection.Close()
	}
}
