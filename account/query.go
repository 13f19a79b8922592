package account

import (
	"poolcert/account/db"
	"poolcert/batch"
)

// MaxPage is the largest page of a list, and the page when a query has no limit.
const MaxPage = 1000

// A Filter selects rows of a list: a tree of comparisons on the properties that
// the query's documentation names, by the API's names. Nil selects all.
type Filter = db.Filter

// The operators of a [Filter].
const (
	And = db.And
	Or  = db.Or
	EQ  = db.EQ
	NE  = db.NE
	LT  = db.LT
	LE  = db.LE
	GT  = db.GT
	GE  = db.GE

	StartsWith = db.StartsWith
)

// A CertificateQuery asks for one page of certificates in the order of their
// thumbprints. Filter properties: state, thumbprint (strings),
// stateTransitionTime (time.Time).
type CertificateQuery struct {
	After  *batch.Thumbprint // the last of the page before
	Limit  int               // 1 to MaxPage; 0 is MaxPage
	Filter *Filter
}

// A PoolQuery asks for one page of pools in the order of their ids, compared
// without regard to letter case. Filter properties: id, state, allocationState,
// vmSize (strings), creationTime, lastModified, stateTransitionTime,
// allocationStateTransitionTime (time.Time), enableAutoScale,
// enableInterNodeCommunication (bool).
type PoolQuery struct {
	After  string
	Limit  int
	Filter *Filter
}

// A NodeQuery asks for one page of a pool's nodes in the order of their ids.
// Filter properties: id, state (strings), stateTransitionTime, allocationTime,
// lastBootTime (time.Time), and those of startTaskInfo, which no node has.
type NodeQuery struct {
	After  string
	Limit  int
	Filter *Filter
}

// pageLimit returns how many rows a page has.
func pageLimit(limit int) int {
	if limit <= 0 || limit > MaxPage {
		return MaxPage
	}
	return limit
}

// cutPage cuts off the one row that was read to know whether more follow.
func cutPage[T any](rows []T, limit int) (page []T, more bool) {
	if len(rows) > limit {
		return rows[:limit], true
	}
	return rows, false
}
