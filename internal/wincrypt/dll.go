package wincrypt

// What is called in the libraries of Windows. Each method is the function of its name,
// and takes its arguments as they are, so that tests see every flag, name and size on
// every system: what is below only puts them into memory as Windows has it.

// A handle is something open in Windows.
type handle uintptr

// A certContext is a CERT_CONTEXT, into which only Windows looks.
type certContext any

// ncryptDLL is CNG.
type ncryptDLL interface {
	openStorageProvider(name string) (handle, error)
	openKey(provider handle, name string, spec, flags uint32) (handle, error)
	createPersistedKey(provider handle, algorithm, name string, spec, flags uint32) (handle, error)
	deleteKey(key handle, flags uint32) error // frees it, too, unless it fails
	freeObject(handle) error
	decryptKey(key handle, data []byte, padding *oaepInfo, out []byte, flags uint32) (size uint32, err error)
	importPublic(provider handle, kind string, blob []byte, flags uint32) (handle, error)
	secretAgreement(own, public handle, flags uint32) (handle, error)
	deriveKey(secret handle, function string, out []byte, flags uint32) (size uint32, err error)
	keyAccess(key handle, property string, flags uint32) ([]Grant, error)
	setKeyAccess(key handle, property, sddl string, flags uint32) error
}

// An oaepInfo is BCRYPT_OAEP_PADDING_INFO.
type oaepInfo struct {
	hash  string
	label []byte
}

// advapiDLL is the CSPs.
type advapiDLL interface {
	acquireContext(container, provider string, kind, flags uint32) (handle, error)
	releaseContext(provider handle) error
	getUserKey(provider handle, spec uint32) (handle, error)
	destroyKey(key handle) error
	importKey(provider handle, blob []byte, flags uint32) (handle, error)
	decrypt(key handle, final bool, flags uint32, data []byte) (size uint32, err error)
	providerAccess(provider handle, parameter, flags uint32) ([]Grant, error)
	setProviderAccess(provider handle, parameter uint32, sddl string, flags uint32) error
}

// crypt32DLL is the certificate stores.
type crypt32DLL interface {
	openStore(name string, flags uint32) (handle, error)
	closeStore(store handle) error
	controlStore(store handle, what uint32) error
	importStore(pfx []byte, password string, flags uint32) (handle, error)
	nextCertificate(store handle, before certContext) (certContext, error) // frees the one before
	findCertificate(store handle, encoding, kind uint32, hash []byte) (certContext, error)
	createCertificate(encoding uint32, der []byte) (certContext, error)
	freeCertificate(certContext)
	encoded(certContext) []byte
	addCertificate(store handle, c certContext, disposition uint32) error
	deleteCertificate(certContext) error // frees it, too
	property(c certContext, id uint32) ([]byte, error)
	setProperty(c certContext, id uint32, value []byte) error
	keyInfo(c certContext, id uint32) (keyProvInfo, error)
	setKeyInfo(c certContext, id uint32, info keyProvInfo) error
}

// A keyProvInfo is CRYPT_KEY_PROV_INFO without parameters.
type keyProvInfo struct {
	container, provider string
	kind, flags, spec   uint32
}

const daclInformation = 0x4 // DACL_SECURITY_INFORMATION, of both kinds of provider
