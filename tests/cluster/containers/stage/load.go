package main

import "time"

const mebibyte = 1 << 20

// held keeps what was taken reachable, so that the collector never frees it.
var held [][]byte

// holdMemory takes memory and writes to each page: pages that were only
// asked for do not count against a limit.
func holdMemory(mebibytes int) {
	for range mebibytes {
		block := make([]byte, mebibyte)
		for at := 0; at < len(block); at += 4096 {
			block[at] = 1
		}
		held = append(held, block)
	}
}

func leakMemory(mebibytesPerSecond int) {
	if mebibytesPerSecond == 0 {
		return
	}
	go func() {
		for range time.Tick(time.Second) {
			holdMemory(mebibytesPerSecond)
		}
	}()
}

// burnCPU works for its share of every tenth of a second, in as many
// goroutines as it takes cores.
func burnCPU(millicores int) {
	const slice = 100 * time.Millisecond
	for left := millicores; left > 0; left -= 1000 {
		busy := slice * time.Duration(min(left, 1000)) / 1000
		go func() {
			for range time.Tick(slice) {
				for until := time.Now().Add(busy); time.Now().Before(until); {
				}
			}
		}()
	}
}
