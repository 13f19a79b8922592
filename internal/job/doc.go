// Package job starts processes of Windows in job objects, so that a process and all
// that it starts end together. Other systems have process groups for that.
//
// [New] makes a job, [Job.Start] starts a command in it, [Job.Close] ends all that is
// left, and so does the end of this process, however it ends. [Job.Release] lets them be.
package job
