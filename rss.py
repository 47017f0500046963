import subprocess,resource,sys
p=subprocess.run(sys.argv[1:],capture_output=True,text=True,preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS,(5<<30,5<<30)))
print(sys.argv[-1],'exit',p.returncode,'maxrss MiB',resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss//1024,(p.stderr or p.stdout)[:250].replace('\n',' | '))
