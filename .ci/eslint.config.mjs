import js from "@eslint/js";

const fromMarkup = ["innerHTML", "outerHTML", "insertAdjacentHTML"];

export default [
  js.configs.recommended,
  {
    files: ["**/*.js"],
    languageOptions: { sourceType: "script", ecmaVersion: 2023, parserOptions: { ecmaFeatures: { impliedStrict: true } } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "off", // tsc knows the names of the other files
      "no-unused-vars": ["error", { vars: "local" }],
      "no-control-regex": "off", // control characters are what is looked for
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-restricted-properties": ["error", ...fromMarkup.map((property) => ({ property, message: "names of layers are text, never HTML" }))],
    },
  },
];
