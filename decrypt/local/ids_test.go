package local

import "poolcert/internal/osuser"

func uid(n uint32) osuser.ID { return osuser.ID{Number: n} }
