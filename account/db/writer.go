package db

import (
	"context"
	"database/sql"
)

// maxBatch bounds how long the first job of a batch waits for its commit.
const maxBatch = 256

// A writer runs jobs one after the other on one connection, and commits all that
// are waiting together: one sync to disk serves them all.
type writer struct {
	conn    *sql.Conn
	rows    *prepared // the same, for jobs
	jobs    chan *job // not buffered: a job that was sent will be answered
	quit    chan struct{}
	stopped chan struct{}
}

type job struct {
	ctx      context.Context
	fn       func(context.Context, querier) error
	err      error
	panicked any
	done     chan struct{}
}

func startWriter(conn *sql.Conn) *writer {
	w := &writer{conn: conn, rows: &prepared{conn: conn}, jobs: make(chan *job), quit: make(chan struct{}), stopped: make(chan struct{})}
	go w.run()
	return w
}

// stop ends the goroutine after the batch that it is at. Call it once.
func (w *writer) stop() {
	close(w.quit)
	<-w.stopped
}

// do runs fn and waits for its commit.
func (w *writer) do(ctx context.Context, fn func(context.Context, querier) error) error {
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case w.jobs <- j:
	case <-w.stopped:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	<-j.done
	if j.panicked != nil {
		panic(j.panicked) // where fn came from
	}
	return j.err
}

func (w *writer) run() {
	defer close(w.stopped)
	for {
		select {
		case j := <-w.jobs:
			w.commit(w.collect(j))
		case <-w.quit:
			return
		}
	}
}

// collect returns the jobs that wait at this moment, first included.
func (w *writer) collect(first *job) []*job {
	batch := []*job{first}
	for len(batch) < maxBatch {
		select {
		case j := <-w.jobs:
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch in one transaction. When the transaction is lost, all jobs
// fail, since none is on disk.
func (w *writer) commit(batch []*job) {
	err := w.exec("BEGIN IMMEDIATE")
	if err == nil {
		for _, j := range batch {
			if err = w.perform(j); err != nil {
				break
			}
		}
		if err == nil {
			err = w.exec("COMMIT")
		}
		if err != nil {
			w.exec("ROLLBACK") // fails if SQLite has done so itself
		}
	}
	for _, j := range batch {
		if err != nil {
			j.err = err
		}
		close(j.done)
	}
}

// perform runs one job inside the batch. The job's own failure takes back only
// what the job did; the error is for a transaction that can't go on.
func (w *writer) perform(j *job) error {
	if j.err = j.ctx.Err(); j.err != nil {
		return nil
	}
	if err := w.exec("SAVEPOINT job"); err != nil {
		return err
	}
	j.call(w.rows)
	if j.err != nil || j.panicked != nil {
		if err := w.exec("ROLLBACK TO job"); err != nil {
			return j.cause(err)
		}
	}
	return w.exec("RELEASE job")
}

// call runs fn. An interrupted statement would roll back the whole batch, so fn
// gets a context that doesn't end.
func (j *job) call(q querier) {
	defer func() { j.panicked = recover() }()
	j.err = j.fn(context.WithoutCancel(j.ctx), q)
}

// cause prefers the job's error over one that only says that the transaction is gone.
func (j *job) cause(err error) error {
	if j.err != nil {
		return j.err
	}
	return err
}

func (w *writer) exec(statement string) error {
	_, err := w.conn.ExecContext(context.Background(), statement)
	return err
}
