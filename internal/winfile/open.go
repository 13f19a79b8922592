package winfile

// An opening is how a file or folder is opened below a folder: the arguments of
// NtCreateFile, which takes an open folder and a name in it. So nobody can exchange a
// folder on the way for another one.
type opening struct {
	access, disposition, options uint32
}

// Arguments of NtCreateFile, winternl.h.
const (
	accessSynchronize = 0x100000
	accessReadControl = 0x20000

	fileOpen   = 1
	fileCreate = 2

	optionFolder        = 0x1
	optionWriteThrough  = 0x2
	optionSynchronous   = 0x20
	optionFile          = 0x40
	optionBackup        = 0x4000
	optionReparsePoint  = 0x200000
	attributesUnique    = 0x40   // OBJ_CASE_INSENSITIVE: as all of Windows
	attributesNoReparse = 0x1000 // OBJ_DONT_REPARSE
	shareAll            = 0x7    // our own work must not fail a reader, nor its file's removal
)

const (
	toLook   = accessSynchronize | accessReadControl | 0x80 | readData // FILE_READ_ATTRIBUTES; of a folder, to list it
	toWrite  = toLook | writeData | appendData | writeAttributes | writeDAC
	asIs     = optionSynchronous | optionBackup | optionReparsePoint
	asFile   = asIs | optionFile
	asFolder = asIs | optionFolder
)

var (
	newFile   = opening{toWrite | deleteSelf, fileCreate, asFile}
	newFolder = opening{toWrite, fileCreate, asFolder}
	oldFolder = opening{toLook, fileOpen, asFolder}
	ownFolder = opening{toWrite, fileOpen, asFolder} // to sync it, or to change its rights
	oldFile   = opening{toLook, fileOpen, asFile}
	goneFile  = opening{toLook | deleteSelf, fileOpen, asFile} // to remove it
)
