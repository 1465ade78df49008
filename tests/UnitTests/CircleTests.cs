using System.Reflection;

namespace Bsp.UnitTests;

/// <summary>
/// The folders of a project use each other in one direction only, so that each can be read, and moved, by itself. What does not yet is
/// named here, and the list may only shrink.
/// </summary>
public sealed class CircleTests
{
    private static readonly Dictionary<string, string[]> Known = new()
    {
        ["Bsp.Application"] = ["Conversations, Messages"],
    };

    [Theory]
    [InlineData(typeof(Domain.Common.Refusal))]
    [InlineData(typeof(Application.Common.ICommand))]
    [InlineData(typeof(Infrastructure.Composition))]
    [InlineData(typeof(Api.Common.Problem))]
    public void No_more_folders_of_a_project_use_each_other_in_a_circle(Type ofProject)
    {
        Assembly project = ofProject.Assembly;
        var circles = Folders.Circles(project);
        var uses = Folders.Uses(project);
        circles.ShouldBe(Known.GetValueOrDefault(project.GetName().Name!, []),
            string.Join('\n', circles.SelectMany(circle => circle.Split(", ").SelectMany(folder =>
            uses[folder].Where(used => circle.Split(", ").Contains(used.Key)).Select(used => $"{folder} → {used.Key}: {used.Value}")))));
    }
}
