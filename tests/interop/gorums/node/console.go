package node

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Caller is either end, as the console drives it.
type Caller interface {
	Targets() []*target
	Bit() uint64
}

// command is a line of the console. Each is answered by one line.
type command struct {
	Do string `json:"do"`
	Ask
	// Count is how many calls a burst has, how many handlers are let go on.
	Count int `json:"count"`
	// TimeoutMS is how long calls wait: 10 seconds if it is 0.
	TimeoutMS int `json:"timeout_ms"`
}

// Console does what it reads until the input ends.
func Console(in io.Reader, out io.Writer, recorder *Recorder, caller Caller) error {
	lines, answers := bufio.NewScanner(in), json.NewEncoder(out)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		answer, err := do(c, recorder, caller)
		if err != nil {
			return err
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func do(c command, recorder *Recorder, caller Caller) (any, error) {
	timeout := 10 * time.Second
	if c.TimeoutMS > 0 {
		timeout = time.Duration(c.TimeoutMS) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	switch c.Do {
	case "ask": // all nodes, and wait for their replies
		return ask(ctx, caller.Targets(), caller.Bit(), c.Ask)(), nil
	case "burst": // as many calls, numbered on, all before the first reply is read
		var waits []func() []Reply
		for range c.Count {
			waits = append(waits, ask(ctx, caller.Targets(), caller.Bit(), c.Ask))
			c.Number++
		}
		replies := []Reply{}
		for _, wait := range waits {
			replies = append(replies, wait()...)
		}
		return replies, nil
	case "targets":
		ids := []uint32{}
		for _, target := range caller.Targets() {
			ids = append(ids, target.id)
		}
		return ids, nil
	case "seen":
		recorder.mu.Lock()
		defer recorder.mu.Unlock()
		seen := recorder.seen
		seen.Noted = append([]uint64{}, seen.Noted...)
		return seen, nil
	case "open":
		for range c.Count {
			recorder.gate <- struct{}{}
		}
		return c.Count, nil
	}
	return nil, fmt.Errorf("there is no command %q", c.Do)
}
