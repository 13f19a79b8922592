package account

import (
	"encoding/json"
	"fmt"
	"strconv"

	"poolcert/account/db"
	"poolcert/batch"
)

// A poolChange is what a pool is to be.
type poolChange struct {
	references *[]batch.CertificateReference // nil: as they are
	properties map[string]json.RawMessage
}

// maxPool bounds a pool's references and properties in bytes of JSON: as much as one
// request may hold, so that many don't make a pool that no answer can.
const maxPool = 1 << 20

// maxNesting is how deep a property may be nested. SQLite reads nothing of a document
// of a thousand levels, and so no list in which there is one.
const maxNesting = 100

var errPoolTooLarge = batch.NewError(batch.CodeRequestBodyTooLarge,
	fmt.Sprintf("With this change the pool would be larger than %d bytes.", maxPool))

// told are properties that the account itself tells of a pool; what a client
// sends of them is dropped.
var told = []string{
	"allocationState", "allocationStateTransitionTime", "currentDedicatedNodes", "currentLowPriorityNodes",
	"resizeErrors", "stats",
}

// apply writes the change into the row, and returns to which certificates the pool
// refers if that changes.
func (c poolChange) apply(tx *db.Tx, row *db.Pool, rev int64) ([]batch.CertificateReference, error) {
	row.Revision = rev
	var refs []batch.CertificateReference
	if c.references != nil {
		checked, err := checkReferences(*c.references)
		if err != nil {
			return nil, err
		}
		if refs, err = resolve(tx, row.Account, checked); err != nil {
			return nil, err
		}
		if err := storeReferences(row, refs); err != nil {
			return nil, err
		}
		row.ReferencesRevision = rev
	}
	properties := make(map[string]json.RawMessage, len(c.properties))
	for name, value := range c.properties {
		if nesting(value) > maxNesting {
			return nil, invalid(name, "", fmt.Sprintf("It is nested deeper than %d levels.", maxNesting))
		}
		if string(value) != "null" {
			properties[name] = value
		}
	}
	for _, name := range told {
		delete(properties, name)
	}
	text, err := json.Marshal(properties)
	if err != nil {
		return nil, fmt.Errorf("encode properties: %w", err)
	}
	row.Properties = string(text)
	return refs, checkPoolSize(row)
}

// nesting returns how many arrays and objects of a JSON value are inside of each other.
func nesting(value json.RawMessage) (deepest int) {
	depth, inText := 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			inText = !inText
		case c == '\\': // only in a text
			i++
		case inText:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}

// storeReferences writes references into the row.
func storeReferences(row *db.Pool, refs []batch.CertificateReference) error {
	text, err := json.Marshal(refs)
	if err != nil {
		return fmt.Errorf("encode references: %w", err)
	}
	row.References = string(text)
	return nil
}

func checkPoolSize(row *db.Pool) error {
	if len(row.References)+len(row.Properties) > maxPool {
		return errPoolTooLarge
	}
	return nil
}

func storedProperties(row *db.Pool) (map[string]json.RawMessage, error) {
	properties := make(map[string]json.RawMessage)
	if err := json.Unmarshal([]byte(row.Properties), &properties); err != nil {
		return nil, fmt.Errorf("properties of pool %s: %w", row.ID, err)
	}
	return properties, nil
}

// poolOf returns what the account tells of a row, but not how many nodes it has.
func (s *Service) poolOf(row *db.Pool) (*batch.Pool, error) {
	properties, err := storedProperties(row)
	if err != nil {
		return nil, err
	}
	p := &batch.Pool{
		ID:                  row.Name,
		ETag:                s.etag(row.Revision),
		LastModified:        timeOf(row.Modified),
		CreationTime:        timeOf(row.Created),
		State:               "active",
		StateTransitionTime: timeOf(row.Created),
		Properties:          properties,
	}
	if err := json.Unmarshal([]byte(row.References), &p.CertificateReferences); err != nil {
		return nil, fmt.Errorf("references of pool %s: %w", row.ID, err)
	}
	properties["allocationState"] = json.RawMessage(`"steady"`)
	properties["allocationStateTransitionTime"] = json.RawMessage(`"` + p.CreationTime.String() + `"`)
	return p, nil
}

// countedPool is poolOf with the number of nodes, which takes longer.
func (s *Service) countedPool(tx *db.Tx, row *db.Pool) (*batch.Pool, error) {
	p, err := s.poolOf(row)
	if err != nil {
		return nil, err
	}
	nodes, err := tx.CountNodes(row.Account, row.ID)
	if err != nil {
		return nil, err
	}
	p.Properties["currentDedicatedNodes"] = json.RawMessage(strconv.Itoa(nodes))
	return p, nil
}
