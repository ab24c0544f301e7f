const tsconfig = {
  module: "commonjs",
  target: "es2022",
  allowJs: true,
  isolatedModules: true,
  strict: true,
};

module.exports = {
  // wsession has ES modules only, which Jest without --experimental-vm-modules can't load: ts-jest compiles them too.
  transform: { "\\.[jt]s$": ["ts-jest", { tsconfig }] },
  transformIgnorePatterns: ["/node_modules/(?!@wsession/)"],
};
