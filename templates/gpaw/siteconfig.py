# How to build GPAW with what this machine has: read by GPAW's setup.py where GPAW_CONFIG names it.
# Nothing is needed but a C++ compiler; LibXC, BLAS, FFTW and MPI are used where they are found.
# Without them PBE is GPAW's own, matrices go through SciPy's BLAS and transforms through SciPy's.
import shutil
import subprocess
import tempfile
from pathlib import Path


def _links(program: str, header: str, library: str, call: str) -> bool:
    """Whether a program that calls a library can be built."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "try.cpp"
        source.write_text(f'extern "C" {{\n{header}\n}}\nint main() {{ {call}; return 0; }}\n')
        command = [program, str(source), f"-l{library}", "-o", str(Path(folder) / "try")]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


_parallel = shutil.which("mpicxx") if shutil.which("mpiexec") else None
compiler = _parallel or next(filter(shutil.which, ("g++", "clang++", "c++")), "g++")
mpi = _parallel is not None
libraries = []
nolibxc = not _links(compiler, "#include <xc.h>", "xc", "xc_version(0, 0, 0)")
if not nolibxc:
    libraries.append("xc")
_BLAS = ("openblas", "blas")
_found = [name for name in _BLAS if _links(compiler, "void dgemm_();", name, "dgemm_()")]
noblas = not _found
libraries += _found[:1]
fftw = _links(compiler, "#include <fftw3.h>", "fftw3", "fftw_cleanup()")
if fftw:
    libraries.append("fftw3")
scalapack = False
