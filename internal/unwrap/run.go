package unwrap

import (
	"context"
	"sync"

	"poolcert/internal/securefile"
)

// Outputs wait for each other to become durable together, so many and so large ones.
// Each that waits is an open file, and so are the source and the output of each job: where
// this process may have few, there are fewer.
const (
	maxBatch      = 512
	maxBatchBytes = 64 << 20
)

// Run opens sources, and returns what became of each, in order. report, if it is not
// nil, is told of each as it happens, from one goroutine at a time.
//
// The error is one that Fatal knows, or the cause of the end of ctx; sources that were
// not tried then have ErrNotTried.
func (o *Opener) Run(ctx context.Context, sources []Source, report func(Result)) ([]Result, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	results := make([]Result, len(sources))
	todo := make(chan int)
	eighth := int(max(1, min(descriptors()/8, maxBatch)))
	opened := make(chan *pending, eighth)
	var workers sync.WaitGroup
	jobs := o.Jobs
	if jobs == 0 {
		jobs = defaultJobs()
	}
	for range min(jobs, MaxJobs, eighth, len(sources)) {
		workers.Go(func() {
			for i := range todo {
				p, err := o.open(ctx, sources[i])
				p.index, p.result.Err = i, err
				if err != nil && o.Fatal != nil && o.Fatal(err) {
					stop(err)
				}
				opened <- p
			}
		})
	}
	var committer sync.WaitGroup
	committer.Go(func() {
		for batch := range batches(opened, eighth) {
			for i, r := range o.commit(batch) {
				results[batch[i].index] = r
				if report != nil {
					report(r)
				}
			}
		}
	})
	next := 0
	for ; next < len(sources); next++ {
		select {
		case todo <- next:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(todo)
	workers.Wait()
	close(opened)
	committer.Wait()
	for ; next < len(sources); next++ {
		results[next] = Result{Source: sources[next].Path, Output: sources[next].Output, State: Failed, Err: ErrNotTried}
	}
	return results, context.Cause(ctx)
}

// batches returns what has come to c, whenever it is asked for: one at least, and no
// more than may wait for each other. While one batch is on its way to the disk, the
// next one gathers.
func batches(c <-chan *pending, most int) func(func([]*pending) bool) {
	return func(yield func([]*pending) bool) {
		for first := range c {
			batch, size := []*pending{first}, first.result.Size
		gather:
			for len(batch) < most && size < maxBatchBytes {
				select {
				case p, ok := <-c:
					if !ok {
						break gather
					}
					batch, size = append(batch, p), size+p.result.Size
				default:
					break gather
				}
			}
			if !yield(batch) {
				return
			}
		}
	}
}

// commit puts the outputs of a batch in place.
func (o *Opener) commit(batch []*pending) []Result {
	var files []*securefile.File
	var at []int
	errs := make([]error, len(batch))
	for i, p := range batch {
		errs[i] = p.result.Err
		if p.result.Err == nil && p.out != nil {
			files, at = append(files, p.out), append(at, i)
		}
	}
	for i, err := range securefile.CommitAll(files) {
		errs[at[i]] = err
	}
	results := make([]Result, len(batch))
	for i, p := range batch {
		results[i] = o.finish(p, errs[i])
	}
	return results
}

// Tally counts results by state.
func Tally(results []Result) map[State]int {
	n := make(map[State]int)
	for _, r := range results {
		n[r.State]++
	}
	return n
}
