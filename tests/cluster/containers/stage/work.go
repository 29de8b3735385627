package main

import (
	"fmt"
	"net/http"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// clockThreadCPU is CLOCK_THREAD_CPUTIME_ID of Linux.
const clockThreadCPU = 3

// work uses up processor time, not wall time: a throttled container takes
// longer for the same work, as real ones do.
func work(cost time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for until := threadTime() + cost; threadTime() < until; {
	}
}

// threadTime is the processor time that this thread has used.
func threadTime() time.Duration {
	var spec syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPU, uintptr(unsafe.Pointer(&spec)), 0)
	return time.Duration(spec.Nano())
}

// loadPeer asks a peer for work, each time over a new connection, so that a
// Service spreads it over its pods.
func loadPeer(peer string, millicores int) {
	if peer == "" {
		return
	}
	const slice = 100 * time.Millisecond
	url := fmt.Sprintf("http://%s/work?micros=%d", peer, slice.Microseconds()*int64(millicores)/1000)
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		for range time.Tick(slice) {
			go func() {
				if answer, err := client.Get(url); err == nil {
					answer.Body.Close()
				}
			}()
		}
	}()
}
