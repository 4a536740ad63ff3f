-- Neovim 0.11 and newer: save as ~/.config/nvim/lsp/ngxc.lua and call vim.lsp.enable('ngxc').
return {
  cmd = { 'ngxc', 'lsp' },
  filetypes = { 'nginx' },
  root_markers = { 'ngxc.toml', 'nginx.conf', '.git' },
}
