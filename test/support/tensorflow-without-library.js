/** A package of TensorFlow.js whose shared library is not there: what Node says then. */
throw Object.assign(
  new Error('libcudart.so.11.0: cannot open shared object file: No such file or directory'),
  {
    code: 'ERR_DLOPEN_FAILED',
  },
);
