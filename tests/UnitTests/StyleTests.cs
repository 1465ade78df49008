using System.Globalization;
using Bsp.UnitTests.EventStore;

namespace Bsp.UnitTests;

/// <summary>
/// Lines have room on a screen: 140 characters. Files that are older than the rule have an allowance (<c>long-lines.txt</c>), which only
/// ever gets smaller; every other file has none.
/// </summary>
public sealed class StyleTests
{
    private const int CharsMax = 140;
    private const string Command = "BSP_WRITE_SCHEMAS=1 ./test unit StyleTests";
    private static readonly string List = Repository.Path("tests", "UnitTests", "long-lines.txt");

    [Fact]
    public void No_file_has_more_long_lines_than_it_had()
    {
        var allowed = File.ReadAllLines(List).Where(line => line.Length > 0).Select(line => line.Split(' '))
            .ToDictionary(parts => parts[1], parts => int.Parse(parts[0], CultureInfo.InvariantCulture));
        var found = Sources().Select(file => (Name: Name(file), Lines: LongLines(file))).Where(file => file.Lines.Count > 0).ToList();
        if (Repository.Writes)
        {
            File.WriteAllLines(List,
                found.Select(file => (file.Name, Now: Math.Min(file.Lines.Count, allowed.GetValueOrDefault(file.Name))))
                .Where(file => file.Now > 0)
                .OrderBy(file => file.Name, StringComparer.Ordinal).Select(file => $"{file.Now} {file.Name}"));
        }

        var more = found.Where(file => file.Lines.Count > allowed.GetValueOrDefault(file.Name))
            .Select(file =>
                $"{file.Name}: {file.Lines.Count} lines, {allowed.GetValueOrDefault(file.Name)} allowed: {string.Join(", ", file.Lines)}");
        string.Join('\n', more)
            .ShouldBeEmpty(
                $"Lines longer than {CharsMax} characters: wrap them. When a file has fewer than its allowance, lower it: {Command}");
    }

    private static List<int> LongLines(string file) =>
        [.. File.ReadLines(file).Index().Where(line => line.Item.Length > CharsMax).Select(line => line.Index + 1)];

    private static string Name(string file) => Path.GetRelativePath(Repository.Path(), file);

    private static IEnumerable<string> Sources() => new[] { "src", "tests", "tools" }
        .SelectMany(folder => Directory.EnumerateFiles(Repository.Path(folder), "*.cs", SearchOption.AllDirectories))
        .Where(file => !Name(file).Split('/').Any(part => part is "bin" or "obj"));
}
