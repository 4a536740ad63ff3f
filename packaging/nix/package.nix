# nix-build -E '(import <nixpkgs> {}).callPackage ./packaging/nix/package.nix {}'
{ lib, rustPlatform, cmake, pkg-config, pcre2, installShellFiles }:

rustPlatform.buildRustPackage {
  pname = "ngxc";
  version = (lib.importTOML ../../Cargo.toml).package.version;
  src = lib.cleanSource ../..;
  cargoLock.lockFile = ../../Cargo.lock;
  nativeBuildInputs = [ cmake pkg-config installShellFiles rustPlatform.bindgenHook ];
  buildInputs = [ pcre2 ];
  # Tests compare with a real nginx and make network namespaces, which a sandbox does not allow.
  doCheck = false;

  postInstall = ''
    $out/bin/ngxc man --output man
    installManPage man/*.1
    installShellCompletion --cmd ngxc \
      --bash <($out/bin/ngxc completions bash) \
      --zsh <($out/bin/ngxc completions zsh) \
      --fish <($out/bin/ngxc completions fish)
  '';

  meta = {
    description = "The nginx configuration compiler: check, lint, preview, plan and run nginx.conf";
    license = with lib.licenses; [ mit asl20 ];
    mainProgram = "ngxc";
    platforms = lib.platforms.linux;
  };
}
