;;; ngxc.el --- ngxc as the language server of nginx configurations -*- lexical-binding: t -*-

;; Emacs 29 and newer. Load this file from init.el; `nginx-mode' may be any mode for such files.

;;; Code:

(require 'eglot)

(add-to-list 'auto-mode-alist '("nginx\\.conf\\'" . conf-mode))
(add-to-list 'eglot-server-programs '((nginx-mode conf-mode) . ("ngxc" "lsp")))

(provide 'ngxc)
;;; ngxc.el ends here
