// Benchmark measures quorum calls of Gorums: its servers and its client in this process.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/relab/gorums"
	"github.com/relab/gorums/benchmark"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// How long calls run before they are measured.
const warmUp = 300 * time.Millisecond

type options struct {
	nodes, payload, callers int
	seconds                 float64
}

// figures is the line that is printed.
type figures struct {
	OpsPerS     float64 `json:"ops_per_s"`
	P50         float64 `json:"p50_us"`
	P99         float64 `json:"p99_us"`
	CPUPerOp    float64 `json:"cpu_us_per_op"`
	AllocsPerOp float64 `json:"allocs_per_op"`
	RSS         float64 `json:"rss_mib"`
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("benchmark: ")
	figures, err := run(parse())
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(figures); err != nil {
		log.Fatal(err)
	}
}

func parse() options {
	var o options
	flag.IntVar(&o.nodes, "nodes", 3, "servers")
	flag.IntVar(&o.payload, "payload", 0, "bytes in the request; replies are empty")
	flag.IntVar(&o.callers, "callers", 16, "callers that each wait for one call at a time")
	flag.Float64Var(&o.seconds, "seconds", 3, "how long to measure")
	flag.Parse()
	if o.nodes < 1 || o.callers < 1 || o.payload < 0 || !(o.seconds > 0) || flag.NArg() > 0 {
		log.Fatal("nodes, callers and seconds must be positive, payload not negative, and nothing else is taken")
	}
	return o
}

func run(o options) (figures, error) {
	var addresses []string
	for range o.nodes {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return figures{}, err
		}
		server := gorums.NewServer()
		benchmark.RegisterBenchmarkServer(server, store{})
		go server.Serve(listener)
		defer server.Stop()
		addresses = append(addresses, listener.Addr().String())
	}
	config, err := benchmark.NewConfig(
		gorums.WithNodeList(addresses),
		gorums.WithDialOptions(grpc.WithTransportCredentials(insecure.NewCredentials())),
	)
	if err != nil {
		return figures{}, err
	}
	defer config.Manager().Close()
	if _, err := measure(config, o, warmUp); err != nil {
		return figures{}, err
	}
	runtime.GC()
	before := usage()
	latencies, err := measure(config, o, time.Duration(o.seconds*float64(time.Second)))
	if err != nil {
		return figures{}, err
	}
	return before.figures(latencies), nil
}

// store takes the payload and answers with nothing, as all that is compared does. No other method is
// called.
type store struct{ benchmark.BenchmarkServer }

func (store) QuorumCall(gorums.ServerCtx, *benchmark.Echo) (*benchmark.Echo, error) {
	return &benchmark.Echo{}, nil
}

// measure lets the callers call, and gives the latency of each call.
func measure(config benchmark.Configuration, o options, duration time.Duration) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), duration+time.Minute)
	defer cancel()
	// n/2 + 1, of an even number of nodes too.
	majority := o.nodes/2 + 1
	end := time.Now().Add(duration)
	latencies, errs := make([][]time.Duration, o.callers), make([]error, o.callers)
	var callers sync.WaitGroup
	for i := range o.callers {
		callers.Go(func() {
			request := benchmark.Echo_builder{Payload: make([]byte, o.payload)}.Build()
			for begun := time.Now(); begun.Before(end) && errs[i] == nil; begun = time.Now() {
				_, errs[i] = benchmark.QuorumCall(config.Context(ctx), request).Threshold(majority)
				latencies[i] = append(latencies[i], time.Since(begun))
			}
		})
	}
	callers.Wait()
	return slices.Concat(latencies...), cmp.Or(errs...)
}

// used is what the process has used up to a moment.
type used struct {
	at     time.Time
	cpu    time.Duration
	allocs uint64
}

func usage() used {
	var times syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &times)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	cpu := time.Duration(times.Utime.Nano() + times.Stime.Nano())
	return used{time.Now(), cpu, memory.Mallocs}
}

func (before used) figures(latencies []time.Duration) figures {
	after := usage()
	ops := float64(len(latencies))
	slices.Sort(latencies)
	at := func(share float64) float64 {
		return micros(latencies[int(share*float64(len(latencies)-1))])
	}
	return figures{
		OpsPerS:     ops / after.at.Sub(before.at).Seconds(),
		P50:         at(0.50),
		P99:         at(0.99),
		CPUPerOp:    micros(after.cpu-before.cpu) / ops,
		AllocsPerOp: float64(after.allocs-before.allocs) / ops,
		RSS:         rss(),
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// rss is the memory that the process has in RAM, in MiB; 0 where /proc does not tell.
func rss() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return kib / 1024
		}
	}
	fmt.Fprintln(os.Stderr, "benchmark: the memory in use is not known here")
	return 0
}
