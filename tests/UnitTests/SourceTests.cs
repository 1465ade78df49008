using System.Text.RegularExpressions;

namespace Bsp.UnitTests;

/// <summary>Rules that no compiler knows, read from the sources.</summary>
public sealed class SourceTests
{
    private static readonly string Root = FindRoot();

    private static readonly (string Path, string Text)[] Sources =
        [.. Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories)
        .Where(f => !f.Contains("/bin/", StringComparison.Ordinal) && !f.Contains("/obj/", StringComparison.Ordinal))
        .Select(f => (Path.GetRelativePath(Root, f), File.ReadAllText(f)))];

    /// <summary>$ also matches before a newline at the end: <c>abc\n</c> would pass for <c>abc</c>. \z does not.</summary>
    [Fact]
    public void No_pattern_takes_a_newline_at_the_end_for_the_end()
    {
        var patterns =
            Sources.SelectMany(s =>
                Regex.Matches(s.Text, """(?:GeneratedRegex|new Regex|Regex\.\w+|\.Matches)\((?:\w+, )?@?"((?:[^"\\]|""|\\.)*)"(,[^)]*)?""")
                .Select(m => (s.Path, Pattern: m.Groups[1].Value))).ToList();
        patterns.Count.ShouldBeGreaterThan(20);
        patterns.Where(p => Regex.IsMatch(p.Pattern, @"(?<!\\)\$(?=$|[|)])")).ShouldBeEmpty();
    }

    /// <summary>
    /// Pooled connections are not reset between uses, and behind a pooler the next statement may meet another session: whatever is set,
    /// locked or made lasts for one transaction, save on connections that live for it.
    /// </summary>
    [Fact]
    public void Nothing_is_left_in_a_pooled_session()
    {
        // Each opens a connection of its own for it, or takes it back itself (BadRows).
        string[] own = ["ShardRunner.cs", "ProcessIdentity.cs", "LaneConnection.cs", "BadRows.cs", "Migrator.cs", "HomeNews.cs",
            "MoveConnection.cs", "MoveEnds.cs", "MoveRows.cs", "MoveWorker.cs", "MovesVerb.cs", "RestoreTarget.cs"];
        var left = Sources.Where(s => !own.Contains(Path.GetFileName(s.Path))).SelectMany(s => Regex.Matches(s.Text,
                """(?:pg_(?:try_)?advisory_(?:un)?lock(?:_shared)?\(|\bCREATE TEMP|set_config\([^()]*, false\)|"""
                + """[";] ?(?:LISTEN|SET (?!LOCAL|TRANSACTION)[a-z_]+ ?(?:=|TO)))""")
            .Select(m => $"{s.Path}: {m.Value}")).ToList();
        left.ShouldBeEmpty();
        Sources.Count(s => own.Contains(Path.GetFileName(s.Path))).ShouldBe(own.Length);
    }

    /// <summary>An endpoint takes one <c>Call</c>; it does not take caller, mediator, mapper and context one by one.</summary>
    [Fact]
    public void An_endpoint_takes_one_call()
    {
        var endpoints = Sources.Where(s => s.Path.EndsWith("Endpoints.cs", StringComparison.Ordinal)).ToList();
        endpoints.Count.ShouldBeGreaterThan(30);
        var byOne = endpoints.SelectMany(s => Regex.Matches(s.Text, @"(\w+)\([^()]*\b(?:IMediator|IMapper) \w+[,)]")
            .Where(m => m.Groups[1].Value != "Follow").Select(m => $"{s.Path}: {m.Groups[1].Value} takes a mediator or a mapper"));
        byOne.ShouldBeEmpty("a parameter of the type Call brings who asks, the mediator, the mapper and the answers");
    }

    /// <summary>
    /// AutoMapper is under a licence that a closed product pays for (docs/packages.md): what is used of it can be written by hand in an
    /// afternoon.
    /// </summary>
    [Fact]
    public void Mapping_is_one_profile_a_feature_and_nothing_else()
    {
        var users = Sources.Where(s => s.Text.Contains("AutoMapper", StringComparison.Ordinal)).ToList();
        users.ShouldAllBe(s => s.Path.StartsWith("src/Api/") || s.Path.EndsWith("BspOptions.cs") || s.Path.EndsWith("BspConfiguration.cs"));
        var profiles =
            Sources.SelectMany(s => Regex.Matches(s.Text, @"class (\w+) : (?:AutoMapper\.)?Profile\b")
                .Select(m => (Feature: Path.GetDirectoryName(s.Path)!, Profile: m.Groups[1].Value))).ToList();
        profiles.Count.ShouldBeGreaterThan(4);
        profiles.GroupBy(p => p.Feature).Where(g => g.Count() > 1).ShouldBeEmpty();
        foreach (var (path, text) in Sources)
        {
            Regex.Matches(text, @"\bCreateMap<\w+, \w+>\(\)(.)").Select(m => m.Groups[1].Value).ShouldAllBe(after => after == ";", path);
            Regex.Matches(text, @"\bmapper\.(\w+)").Select(m => m.Groups[1].Value).ShouldAllBe(member => member == "Map", path);
            foreach (var other in new[] { "ForMember", "ReverseMap", "ProjectTo", "ITypeConverter", "IValueResolver",
                "MapperConfiguration", "AutoMap(" })
            {
                text.ShouldNotContain(other, Case.Sensitive, path);
            }
        }
    }

    [Theory]
    [InlineData("LICENSE", "MIT License")]
    [InlineData("SECURITY.md", "report")]
    [InlineData("CHANGELOG.md", "Unreleased")]
    [InlineData("docs/packages.md", "RPL-1.5")]
    public void What_a_stranger_looks_for_is_there(string path, string says) =>
        File.ReadAllText(Path.Combine(Root, path)).ShouldContain(says);

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Bsp.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Bsp.sln is in no folder above the tests.");
        }

        return folder;
    }
}
